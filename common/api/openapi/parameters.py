"""Parameters of operations: from the very declarations that requests are checked against."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from common.api.filters import sent_name
from common.api.openapi.requests import EXAMPLE_ID
from common.api.openapi.values import schema_of
from common.api.pagination import EXACT_UP_TO
from common.api.parameters import DEFAULT_SIZE, MAX_SIZE
from common.api.routers import UUID

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping

    from common.api.openapi.components import Components, Schema
    from common.api.parameters import Allowed

# No `default`: pages that let people try would send it, and two spellings of a page at once.
SIZE: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": MAX_SIZE}
NUMBER: Final[Schema] = {"type": "integer", "minimum": 1, "maximum": EXACT_UP_TO}
IDEMPOTENCY_KEY: Final = r'^(?!""$)([!-+\-.-~]{1,255}|"[!-+\-.-~]{1,255}")$'

TAGS: Final = r'^(\*|(W/)?"[^"]*"( *, *(W/)?"[^"]*")*)$'


def in_path(components: Components) -> Schema:
    """The id in the address of a resource."""
    return components.refer(
        "parameters",
        "Id",
        lambda: {
            "name": "id",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "format": "uuid"},
            "example": EXAMPLE_ID,
        },
    )


def in_headers(components: Components, method: str, *, one: bool) -> list[Schema]:
    """The request headers that mean something for the method; ``one`` for a single resource."""
    wanted = {
        "POST": ["Idempotency-Key", "If-Match"] if one else ["Idempotency-Key"],
        "PATCH": ["Idempotency-Key", "If-Match"],
        "DELETE": ["If-Match"] if one else [],
        "GET": ["If-None-Match"] if one else [],
    }
    return [
        components.refer("parameters", name, _HEADERS[name].copy) for name in wanted.get(method, [])
    ]


_HEADERS: Final[Mapping[str, Schema]] = {
    "Idempotency-Key": {
        "name": "Idempotency-Key",
        "in": "header",
        "description": "Any unique text. The request is carried out once, however often it is "
        "sent; a repetition gets the first answer. Kept for 24 hours.",
        "schema": {"type": "string", "pattern": IDEMPOTENCY_KEY, "examples": ["8e03978e"]},
    },
    "If-Match": {
        "name": "If-Match",
        "in": "header",
        "description": "An ETag: do it only if this is still the version of the resource.",
        "schema": {"type": "string", "pattern": TAGS, "examples": ['"3"']},
    },
    "If-None-Match": {
        "name": "If-None-Match",
        "in": "header",
        "description": "An ETag: answer 304 without a body if this is still the version.",
        "schema": {"type": "string", "examples": ['"3"']},
    },
}


def in_query(components: Components, allowed: Allowed, filters: Mapping[str, Any]) -> list[Schema]:
    """The query parameters that an endpoint allows; ``filters`` by their names in the view."""
    found: list[Schema] = []
    if allowed.is_whole:
        found += [_AFTER_ROW, *(_filter(name, filters[name]) for name in allowed.filters)]
        return found + [_fieldset(name, columns) for name, columns in allowed.fields.items()]
    if allowed.is_collection:
        found += [_shared(components, parameter) for parameter in _of_page(allowed)]
        found += _sort(allowed.sort)
        found += [_filter(name, filters[name]) for name in allowed.filters]
    found += _include(allowed.includes)
    for resource_type, names in sorted(allowed.fields.items()):
        found.append(_shared(components, _fieldset(resource_type, names)))
    return found


def _shared(components: Components, parameter: Schema) -> Schema:
    """A parameter that is the same wherever it occurs."""
    name = re.sub(r"[^a-z-]+", ".", parameter["name"]).strip(".")
    return components.refer("parameters", name, lambda: parameter)


def _query(name: str, schema: Schema, description: str, **more: Any) -> Schema:
    return {"name": name, "in": "query", "description": description, "schema": schema} | more


def _of_page(allowed: Allowed) -> Iterator[Schema]:
    yield _query("page[size]", SIZE, f"Resources on a page; {DEFAULT_SIZE} when not given.")
    if not allowed.cursor_only:
        yield _query(
            "page[number]",
            NUMBER,
            f"Up to row {EXACT_UP_TO}; from there on walk with page[after].",
        )
    yield _query(
        "page[after]",
        {"type": "string"},
        "The cursor from links.next; empty to start a walk. Excludes page[number].",
        allowEmptyValue=True,
    )
    if allowed.plain_pages:
        plain = "for plain clients: not when Accept names application/vnd.api+json"
        if not allowed.cursor_only:
            yield _query("page", NUMBER, f"The same as page[number], {plain}.")
        yield _query("size", SIZE, f"The same as page[size], {plain}.")


_AFTER_ROW: Final = _query(
    "page[after]",
    {"type": "string", "pattern": f"^({UUID})?$"},
    "The id of the last row that you have: only what comes behind it. Empty: everything.",
    allowEmptyValue=True,
)


def _sort(names: Collection[str]) -> Iterator[Schema]:
    if names:
        either = [sign + name for name in names for sign in ("", "-")]
        yield _query(
            "sort",
            {"type": "array", "minItems": 1, "uniqueItems": True, "items": _one_of(either)},
            "In this order, each field once; `-` for descending.",
            style="form",
            explode=False,
        )


def _one_of(names: Iterable[str]) -> Schema:
    return {"type": "string", "enum": list(names)}


def _filter(name: str, filter_: Any) -> Schema:
    return _query(sent_name(name), schema_of(filter_), str(filter_.extra.get("help_text") or ""))


def _include(paths: Collection[str]) -> Iterator[Schema]:
    if paths:
        yield _query(
            "include",
            {"type": "array", "items": _one_of(paths)},
            "Related resources to send along, in `included`.",
            style="form",
            explode=False,
        )


def _fieldset(resource_type: str, names: Collection[str]) -> Schema:
    return _query(
        f"fields[{resource_type}]",
        {"type": "array", "items": _one_of(sorted(names))},
        f"Only these attributes and relationships of {resource_type}.",
        style="form",
        explode=False,
    )
