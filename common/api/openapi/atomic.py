"""Atomic operations in the OpenAPI document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from drf_spectacular.openapi import AutoSchema

from common.api.atomic.media import EXTENSION
from common.api.atomic.shape import MAX_OPERATIONS, MEMBER, METHODS, RESULTS
from common.api.negotiation import JSON, labelled
from common.api.openapi.answers import ID, errors, jsonapi, object_of
from common.api.openapi.components import Components, Schema
from common.api.openapi.parameters import in_headers
from common.api.openapi.responses import ALWAYS, REFUSALS, headers

if TYPE_CHECKING:
    from drf_spectacular.plumbing import ComponentRegistry

REFUSED_WITH: Final = (404, 409, 412, 422, 428)
TEXT: Final[Schema] = {"type": "string"}
DESCRIPTION: Final = """
Each operation is what the single request would be: `add` is its POST, `update` its PATCH, `remove`
its DELETE. It says where by `ref` (type and id, or the `lid` of what an earlier operation adds) or
by `href` (also the address of an action, such as `/reservations/{id}/confirm`); without either,
by its `data`. Pointers of errors lead to the operation.

Each operation needs the scope of the single request, and counts as a request of the quota. More of
them than the quota of a minute are refused with 413 (`payload_too_large`), and none is counted.
Together they have at most 10 000 `lines`.
""".strip()
EXAMPLE: Final = {
    MEMBER: [
        {
            "op": "add",
            "data": {
                "type": "products",
                "lid": "laptop",
                "attributes": {"name": "Laptop", "description": "Thin", "price": "1299.99"},
            },
        },
        {
            "op": "add",
            "data": {
                "type": "inventory",
                "attributes": {"quantity": 40},
                "relationships": {"product": {"data": {"type": "products", "lid": "laptop"}}},
            },
        },
    ]
}


class AtomicSchema(AutoSchema):
    """Where the generator asks for the one operation of this view."""

    def get_operation(
        self,
        path: str,
        path_regex: str,
        path_prefix: str,
        method: str,
        registry: ComponentRegistry,
    ) -> Schema:
        components = Components(registry)
        wanted = components.schema("AtomicOperations", _document)
        return {
            "operationId": "carryOutOperations",
            "summary": "Carry out operations in their order, all of them or none",
            "description": DESCRIPTION,
            "tags": ["Operations"],
            "parameters": in_headers(components, method, one=False),
            "requestBody": {"required": True, "content": _content(wanted, EXAMPLE)},
            "responses": _responses(components),
        }


def _content(schema: Schema, example: Schema | None = None) -> Schema:
    """The document under both labels; that of JSON:API names the extension."""
    media: Schema = {"schema": schema} | ({"example": example} if example else {})
    return {labelled(EXTENSION): media, JSON: media}


def _document() -> Schema:
    operations = {
        "type": "array",
        "minItems": 1,
        "maxItems": MAX_OPERATIONS,
        "items": _operation(),
    }
    return object_of({MEMBER: operations})


def _operation() -> Schema:
    ref = object_of(
        {"type": TEXT, "id": ID, "lid": TEXT, "relationship": TEXT},
        optional={"id", "lid", "relationship"},
    ) | {"oneOf": [{"required": ["id"]}, {"required": ["lid"]}]}
    own = {
        "required": ["data"],
        "properties": {"op": {"enum": ["add", "update"]}, "data": object_of({"type": TEXT})},
    }
    operation = object_of(
        {
            "op": {"enum": list(METHODS)},
            "ref": ref,
            "href": {"type": "string", "format": "uri-reference"},
            "data": {
                "description": "A resource, the body of an action, or linkage.",
                "type": ["object", "array", "null"],
            },
        },
        optional={"ref", "href", "data"},
    )
    targets = [{"required": ["ref"]}, {"required": ["href"]}, own]
    return operation | {"anyOf": targets, "not": {"required": ["ref", "href"]}}


def _responses(components: Components) -> Schema:
    done = components.schema("AtomicResults", lambda: _results(components))
    named = ["Idempotent-Replayed"]
    refused = {
        str(status): {
            "description": REFUSALS[status].description,
            "headers": headers(components, REFUSALS[status].headers),
            "content": _content(errors(components)),
        }
        for status in sorted({*ALWAYS, *REFUSED_WITH})
    }
    return {
        "200": {
            "description": "All are done; a result for each, in their order.",
            "headers": headers(components, named),
            "content": _content(done),
        },
        "204": {
            "description": "All are done, and none has a result: what was removed is gone.",
            "headers": headers(components, named),
        },
    } | refused


def _results(components: Components) -> Schema:
    """A resource, the linkage of a relationship, or nothing for what was removed."""
    result = object_of(
        {"data": {"type": ["object", "array", "null"]}, "meta": {"type": "object"}},
        optional={"data", "meta"},
    )
    results = {"type": "array", "minItems": 1, "items": result}
    return object_of({"jsonapi": components.schema("JsonApi", jsonapi), RESULTS: results})
