"""Local ids: how an operation speaks of what an earlier one has added."""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from common.api.atomic.shape import Operation

Lid = tuple[str, str]
"""A type, and a local id of it."""
NOT_YET: Final = "00000000-0000-0000-0000-000000000000"
"""Stands in addresses for the id of what is still to be added."""


def check(operations: Iterable[Operation]) -> None:
    """Refuse a local id that no earlier operation gives, or that is given twice."""
    given: set[Lid] = set()
    for operation in operations:
        for path, identifier in _used(operation.sent, operation=operation):
            kind, lid = identifier.get("type"), identifier["lid"]
            if not isinstance(kind, str):
                operation.refuse("What has a 'lid' needs a string 'type'.", *path)
            if not isinstance(lid, str):
                operation.refuse("'lid' must be a string.", *path, "lid")
            if (kind, lid) not in given:
                detail = "No earlier operation adds a resource of this type with this 'lid'."
                operation.refuse(detail, *path, "lid")
        if new := given_by(operation):
            if new in given:
                operation.refuse("This 'lid' is given twice.", "data", "lid")
            given.add(new)


def given_by(operation: Operation) -> Lid | None:
    """The local id that an operation gives to what it adds."""
    data = operation.data
    if operation.op != "add" or operation.is_of_relationship or not isinstance(data, dict):
        return None
    lid, kind = data.get("lid"), data.get("type")
    return (kind, lid) if isinstance(kind, str) and isinstance(lid, str) else None


def resolved(operation: Operation, ids: Mapping[Lid, str]) -> Mapping[str, Any]:
    """What was sent, with ids instead of local ones; the document itself stays as it is.

    Refuses the local id of what has no id: of a question, or of a change that made nothing.
    """
    if next(_used(operation.sent, operation=operation), None) is None:
        return operation.sent
    sent = deepcopy(dict(operation.sent))
    for path, identifier in list(_used(sent, operation=operation)):
        pk = ids.get((identifier["type"], identifier.pop("lid")))
        if pk is None:
            operation.refuse("That operation added no resource.", *path, "lid")
        identifier["id"] = pk
    return sent


def added(operation: Operation, result: Mapping[str, Any]) -> dict[Lid, str]:
    """The id of what an operation has added, under its local one; none without such a resource."""
    lid, made = given_by(operation), result.get("data")
    return {lid: made["id"]} if lid and isinstance(made, dict) and made["type"] == lid[0] else {}


def _used(
    sent: Mapping[str, Any], *, operation: Operation
) -> Iterator[tuple[tuple[str, ...], dict[str, Any]]]:
    """The identifiers that have a local id and no other, each with the way to it."""
    for path, identifier in _identifiers(sent, operation=operation):
        if isinstance(identifier, dict) and "lid" in identifier and "id" not in identifier:
            yield path, identifier


def _identifiers(
    sent: Mapping[str, Any], *, operation: Operation
) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield ("ref",), sent.get("ref")
    data = sent.get("data")
    if operation.is_of_relationship:
        yield from _linkage(data, "data")
        return
    if not isinstance(data, dict):
        return
    if operation.op != "add":
        yield ("data",), data
    relationships = data.get("relationships")
    for name, one in relationships.items() if isinstance(relationships, dict) else ():
        if isinstance(one, dict):
            yield from _linkage(one.get("data"), "data", "relationships", name, "data")


def _linkage(linkage: Any, *path: str) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(linkage, list):
        for index, one in enumerate(linkage):
            yield (*path, str(index)), one
    else:
        yield path, linkage
