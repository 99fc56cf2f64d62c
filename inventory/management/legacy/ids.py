"""The id that a product has here, made from the id it had there."""

from __future__ import annotations

import re
from typing import Final
from uuid import UUID, uuid5

from common.api import fields

NAMESPACE: Final = UUID("dd570a9b-3a16-5f4a-a568-af6b41566ef7")
"""uuid5(NAMESPACE_DNS, "legacy.stockroom"): never changes, or repeating an import doubles it."""
SPELLING: Final = re.compile(
    r"\s*(?:urn:uuid:)?\{?([0-9a-f]{8}(-?)[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{4}\2[0-9a-f]{12})\}?\s*",
    re.ASCII | re.IGNORECASE,
)
_legacy_id: Final = fields.Text(max_length=255)


def checked(value: object) -> str:
    """The id as text; a number stands for its digits. Raises ValidationError."""
    if type(value) is int:
        return str(value)
    _legacy_id.run_validation(value)
    return str(value)


def product_id(legacy_id: str) -> UUID:
    """A UUID however it is spelled is kept; of any other text a UUIDv5 is made."""
    if match := SPELLING.fullmatch(legacy_id):
        return UUID(match[1])
    return uuid5(NAMESPACE, legacy_id)


def change(legacy_id: str, new_id: UUID) -> str | None:
    """What clients that hold the old id must know: ``uuid5``, ``respelled``, or nothing."""
    if legacy_id == str(new_id):
        return None
    return "respelled" if SPELLING.fullmatch(legacy_id) else "uuid5"
