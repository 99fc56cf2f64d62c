"""Texts that are unusual and right: they come back as they were sent."""

from __future__ import annotations

import unicodedata
from itertools import islice, product
from random import Random
from urllib.parse import quote

import pytest

from tests.bad_input.wire import JSON

pytestmark = pytest.mark.slow

PRODUCTS = "/api/v1/products"
LETTERS = "abcdefghijklmnopqrstuvwxyz"
RARE = range(0x20000, 0x2A6D6)  # four bytes each
chance = Random(1)  # noqa: S311 - words, not secrets


def kept(shop, **attributes):
    """The attributes of a product that was made with these, and is deleted again."""
    wanted = {"name": "Lamp", "description": "Bright", "price": "9.90"} | attributes
    made = shop.made("products", **wanted)
    shown = shop.send("GET", f"{PRODUCTS}/{made}").document["data"]["attributes"]
    assert shop.send("DELETE", f"{PRODUCTS}/{made}").status == 204
    return shown


NAMES = [
    "Lampe à poser «Étoile»",
    "شمسية صغيرة",
    "מנורת שולחן",
    "👩‍👩‍👧‍👦 🏳️‍🌈 1️⃣",
    "\u202eevil\u202c \u200b zero width",
    "<script>alert(1)</script>",
    "=HYPERLINK(1)",
    "%s %(name)s {0} $name \\n \\u0000",
    "'; DROP TABLE products_product; --",
    "tab\tand\nnew line",
    "𠀀" * 255,
    "㎮" * 255,
]


@pytest.mark.parametrize("name", NAMES)
def test_a_name_comes_back_as_it_was_sent(shop, name):
    assert kept(shop, name=name, description=name)["name"] == name


def test_a_name_is_normalised(shop):
    name = unicodedata.normalize("NFD", "Étoile à poser")
    assert kept(shop, name=name)["name"] == unicodedata.normalize("NFC", name)


def different_words():
    return " ".join("".join(letters) for letters in islice(product(LETTERS, repeat=4), 180_000))


def different_signs():
    return " ".join(map(chr, [*range(0x4E00, 0x9FFF), *RARE]))


def one_long_word():
    return "".join(map(chr, chance.choices(RARE, k=220_000)))


def long_words():
    return " ".join("".join(map(chr, chance.choices(RARE, k=500))) for _ in range(440))


def words_that_grow_when_searched():
    return " ".join("".join(chance.choices("㎮㏘㏆㏂㎉⒇⒆⒅", k=150)) for _ in range(1_900))


LONG = [
    different_words, different_signs, one_long_word, long_words, words_that_grow_when_searched,
]  # fmt: skip


@pytest.mark.parametrize("text", LONG)
def test_a_description_as_long_as_a_body_may_be_is_kept(shop, text):
    description = text()
    assert kept(shop, description=description)["description"] == description


def test_the_beginning_of_a_long_description_is_found(shop):
    made = shop.made(
        "products", name="Long", description=f"zyzzyva {different_words()}", price="1.00"
    )
    found = shop.send("GET", f"{PRODUCTS}?filter[search]=zyzzyva&fields[products]=sku")
    assert [one["id"] for one in found.document["data"]] == [made]
    assert shop.send("DELETE", f"{PRODUCTS}/{made}").status == 204


@pytest.mark.parametrize("name", ["㏂" * 255, "㎮" * 255, "A" * 255])
def test_a_slug_is_made_of_any_name_with_letters(shop, name):
    made = shop.send("POST", "/api/v1/categories", {"name": name})
    slug = made.document["data"]["attributes"]["slug"]
    assert 0 < len(slug) <= 255
    assert shop.send("GET", f"/api/v1/categories?filter[slug]={quote(slug)}").status == 200
    gone = shop.send("DELETE", f"/api/v1/categories/{made.document['data']['id']}")
    assert gone.status == 204


def test_a_body_of_exactly_one_mebibyte_is_read(shop):
    start = b'{"name": "Lamp", "description": "Bright", "price": 1'
    body = start + b" " * (2**20 - len(start) - 1) + b"}"
    made = shop.send("POST", PRODUCTS, body, {"Content-Type": JSON})
    assert made.status == 201


def test_good_chunks_are_one_body(shop):
    body = b'{"name": "Lamp", "description": "Bright", "price": 1}'
    chunks = b"7;comment=x\r\n%s\r\n%x\r\n%s\r\n0\r\nX-Trailer: a\r\n\r\n" % (
        body[:7], len(body) - 7, body[7:]
    )  # fmt: skip
    headers = {"Content-Type": JSON, "Transfer-Encoding": "chunked", "Content-Length": None}
    assert shop.send("POST", PRODUCTS, chunks, headers).status == 201
