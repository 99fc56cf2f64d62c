"""What the catalogue has for itself, as OpenAPI describes it: parameters, and members of meta."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from catalogue.facets import FACETS, KINDS
from common.api.openapi.answers import object_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.api.openapi.components import Schema

FACETS_WANTED: Final = "facets"
MIN_SEQUENCE: Final = "min_sequence"

SEQUENCE: Final[Schema] = {
    "type": "integer",
    "format": "int64",
    "minimum": 0,
    "maximum": 10**18 - 1,
}
COUNT: Final[Schema] = {"type": "integer", "minimum": 0}

PARAMETERS: Final[Mapping[str, Schema]] = {
    FACETS_WANTED: {
        "description": "Count what was found by these, in `meta.facets`.",
        "schema": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "string", "enum": list(FACETS)},
        },
        "style": "form",
        "explode": False,
    },
    MIN_SEQUENCE: {
        "description": "The sequence of an event that the answer has to show. With the header "
        "`Prefer: wait=2` it is waited for so many seconds, at most 5; else 503. "
        "One that has not happened is refused with 400.",
        "schema": SEQUENCE,
    },
}


def _as_of() -> Schema:
    return object_of(
        {"sequence": SEQUENCE, "occurred_at": {"type": ["string", "null"], "format": "date-time"}}
    ) | {"description": "The last event that is shown."}


def _facets() -> Schema:
    money: Schema = {"type": "string"}
    category = {"id": {"type": "string", "format": "uuid"}, "name": {"type": "string"}}
    price = {"gte": money, "lt": {"type": ["string", "null"]}, "count": COUNT}
    kinds = dict.fromkeys(KINDS, COUNT)
    members = {
        "category": {"type": "array", "items": object_of(category | {"count": COUNT})},
        "price": {"type": "array", "items": object_of(price)},
        "availability": object_of(kinds),
        "is_estimate": {
            "type": "boolean",
            "description": "More than 10 000 were found: a sample of them was counted.",
        },
    }
    return object_of(members, optional=FACETS)


META: Final[Schema] = {"as_of": _as_of(), "facets": _facets()}
