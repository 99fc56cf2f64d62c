"""Answers of the API against its OpenAPI document.

assert_matches_schema(client.get("/api/v1/products"), "listProducts")
"""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import lru_cache
from typing import Any, NamedTuple

from jsonschema import Draft202012Validator

from common.api.openapi import pages


class Operation(NamedTuple):
    path: str
    method: str
    described: dict[str, Any]


@lru_cache(maxsize=1)
def document() -> dict[str, Any]:
    """The document, as it is sent to clients."""
    found: dict[str, Any] = json.loads(pages.document(pages.JSON))
    return found


@lru_cache(maxsize=1)
def operations() -> dict[str, Operation]:
    """Every operation by its id."""
    return {
        described["operationId"]: Operation(path, method, described)
        for path, item in document()["paths"].items()
        for method, described in item.items()
    }


def resolved(part: dict[str, Any]) -> dict[str, Any]:
    """What a part of the document refers to, or the part itself."""
    if "$ref" not in part:
        return part
    found: Any = document()
    for name in part["$ref"].removeprefix("#/").split("/"):
        found = found[name]
    return dict(found)


def assert_matches_schema(response: Any, operation_id: str) -> None:
    """The answer is one that the document promises for this operation, in every part.

    Stricter than the document, which leaves room for clients of older versions: no member may
    be there that is not in it, and no attribute may be missing that was not left out on demand.
    """
    operation, request = operations()[operation_id], response.wsgi_request
    assert re.fullmatch(_as_pattern(operation.path), request.path), operation.path
    assert request.method.lower() == operation.method
    assert str(response.status_code) in operation.described["responses"], response.content
    promised = resolved(operation.described["responses"][str(response.status_code)])
    _assert_headers(response, promised)
    if "content" not in promised:
        assert response.content == b""
        return
    assert response["Content-Type"] in promised["content"]
    media = promised["content"][response["Content-Type"]]
    is_whole = not any(name.startswith("fields[") for name in request.GET)
    wrong = list(validator(media["schema"], is_whole=is_whole).iter_errors(response.json()))
    assert not wrong, [(error.json_path, error.message) for error in wrong]


def _as_pattern(path: str) -> str:
    return "[0-9a-fA-F-]{36}".join(re.escape(part) for part in path.split("{id}")) + "/?"


def _assert_headers(response: Any, promised: dict[str, Any]) -> None:
    for name, reference in promised["headers"].items():
        header = resolved(reference)
        assert name in response.headers or not header["required"], f"{name} is missing"
        if name in response.headers:
            assert re.search(header["schema"]["pattern"], response[name]), response[name]


def validator(schema: dict[str, Any], *, is_whole: bool) -> Draft202012Validator:
    """A validator that lets no undocumented member pass, and when whole, none be missing."""
    root = {"components": _closed_components(is_whole)} | _closed(schema, is_whole=is_whole)
    return Draft202012Validator(root, format_checker=Draft202012Validator.FORMAT_CHECKER)


@lru_cache(maxsize=2)
def _closed_components(is_whole: bool) -> dict[str, Any]:
    return {"schemas": _closed(deepcopy(document()["components"]["schemas"]), is_whole=is_whole)}


def _closed(part: Any, *, is_whole: bool, name: str = "") -> Any:
    if isinstance(part, list):
        return [_closed(one, is_whole=is_whole) for one in part]
    if not isinstance(part, dict):
        return part
    closed = {key: _closed(value, is_whole=is_whole, name=key) for key, value in part.items()}
    if part.get("type") == "object" and "properties" in part:
        closed.setdefault("additionalProperties", False)
        if is_whole and name in {"attributes", "relationships"}:
            closed["required"] = list(part["properties"])
    return closed
