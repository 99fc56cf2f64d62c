"""What a product's and a category's facts must look like. Pure: no database, no Django."""

from __future__ import annotations

import hashlib
import re
import secrets
import unicodedata
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from common.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

SKU: Final = re.compile(r"[A-Za-z0-9\-_./]{1,64}")
SKU_ALPHABET: Final = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
"""Digits and letters that are not taken for each other when read aloud."""
SKU_LENGTH: Final = 10
SKU_NUMBERS: Final = len(SKU_ALPHABET) ** SKU_LENGTH
GTIN_LENGTHS: Final = frozenset({8, 12, 13, 14})
MAX_PRICE: Final = Decimal("99999999.99")
MAX_IMAGES: Final = 20
MAX_IMAGE_LENGTH: Final = 2048
MAX_SLUG_LENGTH: Final = 255
MAX_CATEGORY_DEPTH: Final = 8


def sku(text: str) -> str:
    """The SKU as it is kept: upper case, so that looking it up never has to fold case."""
    if not SKU.fullmatch(text):  # before folding: there are letters that become two ASCII ones
        raise Invalid("Use 1 to 64 letters, digits and - _ . / only.", attribute="sku")
    return text.upper()


def generated_sku() -> str:
    """A SKU for a product that came without one: ``P-`` and ten characters (about 49 bits)."""
    return _sku_number(secrets.randbelow(SKU_NUMBERS))


def sku_made_from(product_id: UUID, attempt: int = 0) -> str:
    """A SKU of the same form that follows from the id, so that a repeated import gives it again.

    ``attempt`` counts those that turned out to be taken.
    """
    digest = hashlib.sha256(product_id.bytes + attempt.to_bytes(2)).digest()
    return _sku_number(int.from_bytes(digest[:16]) % SKU_NUMBERS)


def _sku_number(number: int) -> str:
    characters = []
    for _ in range(SKU_LENGTH):
        number, place = divmod(number, len(SKU_ALPHABET))
        characters.append(SKU_ALPHABET[place])
    return "P-" + "".join(characters)


def barcode(digits: str) -> str:
    """A GTIN-8, -12, -13 or -14 with a right check digit (GS1 General Specifications §7.9)."""
    if not _has_the_length_of_a_barcode(digits):
        raise Invalid("A barcode has 8, 12, 13 or 14 digits.", attribute="barcode")
    if not _has_right_check_digit(digits):
        raise Invalid("The check digit of this barcode is wrong.", attribute="barcode")
    return digits


def is_barcode(text: str) -> bool:
    """Whether a scanner may have read it from a product: a number by chance is one in ten."""
    return _has_the_length_of_a_barcode(text) and _has_right_check_digit(text)


def _has_the_length_of_a_barcode(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) in GTIN_LENGTHS


def _has_right_check_digit(digits: str) -> bool:
    weighted = sum(
        int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(reversed(digits))
    )
    return weighted % 10 == 0


def price(amount: Decimal) -> Decimal:
    """An amount above zero, at most 99 999 999.99."""
    if not 0 < amount <= MAX_PRICE:
        raise Invalid(f"A price is above 0 and at most {MAX_PRICE}.", attribute="price")
    return amount


def image(url: str) -> str:
    """An http or https address without user information, at most 2048 characters."""
    if len(url) > MAX_IMAGE_LENGTH or url.split() != [url]:
        raise Invalid(
            "An image is a URL without spaces, of at most 2048 characters.", attribute="images"
        )
    try:
        parts = urlsplit(url)
        port_is_number = parts.port is None or parts.port >= 0
    except ValueError:
        raise Invalid("This is no URL.", attribute="images") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_is_number:
        raise Invalid("An image is an http or https URL.", attribute="images")
    if "@" in parts.netloc:
        raise Invalid("An image's URL has no user information.", attribute="images")
    return url


def slug(text: str) -> str:
    """A name as it stands in an address: lower-case letters and digits parted by hyphens.

    Cut to its limit: some signs are written with several letters each.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:MAX_SLUG_LENGTH].rstrip("-")


def check_place(
    category: UUID | None, parent: UUID | None, parents: Mapping[UUID, UUID | None]
) -> None:
    """Refuse a place in the tree that is below the category itself, or too deep.

    ``parents`` is the whole tree: each category's parent. ``category`` is None for a new one.
    """
    above = _path_up(parent, parents)
    if category is not None and category in above:
        raise Invalid("A category cannot be below itself.", attribute="parent_id")
    if len(above) + _height(category, parents) > MAX_CATEGORY_DEPTH:
        raise Invalid(
            f"Categories are at most {MAX_CATEGORY_DEPTH} levels deep.", attribute="parent_id"
        )


def _path_up(start: UUID | None, parents: Mapping[UUID, UUID | None]) -> list[UUID]:
    path: list[UUID] = []
    while start is not None:
        path.append(start)
        start = parents[start]
    return path


def _height(category: UUID | None, parents: Mapping[UUID, UUID | None]) -> int:
    """The levels of the category and what is below it; a new one has one."""
    if category is None:
        return 1
    below = [child for child, parent in parents.items() if parent == category]
    return 1 + max((_height(child, parents) for child in below), default=0)
