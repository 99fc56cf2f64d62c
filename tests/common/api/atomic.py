"""Atomic operations as a program sends them."""

from __future__ import annotations

import json
from typing import Any

OPERATIONS = "/api/v1/operations"
ATOMIC = 'application/vnd.api+json; ext="https://jsonapi.org/ext/atomic"'


def carry_out(client, *operations: dict[str, Any], content_type: str = ATOMIC, **headers: str):
    """The answer to a document of these operations."""
    body = json.dumps({"atomic:operations": operations}).encode()
    return client.generic("POST", OPERATIONS, body, content_type, headers=headers)


def add(kind: str, attributes: dict[str, Any], lid: str = "", **linked: Any) -> dict[str, Any]:
    """An operation that adds a resource; ``linked`` are relationships: (type, id), or a lid."""
    data: dict[str, Any] = {"type": kind, "attributes": attributes}
    if lid:
        data["lid"] = lid
    if linked:
        data["relationships"] = {name: {"data": one} for name, one in linked.items()}
    return {"op": "add", "data": data}


def update(kind: str, pk: object, attributes: dict[str, Any]) -> dict[str, Any]:
    data = {"type": kind, "id": str(pk), "attributes": attributes}
    return {"op": "update", "data": data}


def remove(kind: str, pk: object) -> dict[str, Any]:
    return {"op": "remove", "ref": {"type": kind, "id": str(pk)}}


def act(href: str, **attributes: Any) -> dict[str, Any]:
    """An operation on the address of an action."""
    kind = href.split("/")[-3]
    return {"op": "add", "href": href, "data": {"type": kind, "attributes": attributes}}


def results(answer: Any) -> list[dict[str, Any]]:
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"] == ATOMIC
    assert answer.json().keys() == {"jsonapi", "atomic:results"}
    found: list[dict[str, Any]] = answer.json()["atomic:results"]
    return found


def refusal(answer: Any) -> tuple[int, str, str]:
    """Status, code and pointer of the only error."""
    (error,) = answer.json()["errors"]
    assert answer["Content-Type"] == ATOMIC
    return answer.status_code, error["code"], error["source"]["pointer"]
