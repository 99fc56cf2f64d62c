"""Reading a request body: a JSON:API document, or an object that is the attributes.

Structure is judged here (400); what the values mean is judged later, by serializers (422) and
operations. Nothing that a client can send may get past this module as anything but plain
Python values.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Final

from common.api.errors import Malformed

MAX_DEPTH: Final = 32


@dataclass(frozen=True, slots=True)
class Document:
    """One parsed body. ``data`` is what stood at the root (plain) or under ``data`` (JSON:API)."""

    is_jsonapi: bool = False
    type: str | None = None
    id: str | None = None
    attributes: dict[str, Any] = field(default_factory=dict)
    relationships: dict[str, Any] = field(default_factory=dict)
    linkage: Any = None
    root: Mapping[str, Any] = field(default_factory=dict)
    sent_as: dict[str, str] = field(default_factory=dict)
    """Input name to the relationship it was sent as: ``product_id`` to ``product``."""

    def pointer(self, *path: str) -> str:
        """A JSON pointer to the input of this name, or to the nearest parent that was sent."""
        first = self.sent_as.get(path[0], path[0]) if path else ""
        tokens = [*self._start(first), *((first, *path[1:]) if path else ())]
        value: Any = self.root
        found = []
        for token in tokens:
            value = _member(value, token)
            if value is _ABSENT:
                break
            found.append(_escaped(token))
        return "".join(f"/{token}" for token in found)

    def _start(self, name: str) -> list[str]:
        if not self.is_jsonapi:
            return []
        if self.type is None:  # linkage, the whole of which is the input
            return ["data"]
        linked = name in self.relationships and name not in self.attributes
        return ["data", "relationships" if linked else "attributes"]


_ABSENT: Final = object()


def _escaped(token: str) -> str:
    """A member name as a JSON pointer writes it (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def _member(value: Any, token: str) -> Any:
    if isinstance(value, dict):
        return value.get(token, _ABSENT)
    if isinstance(value, list) and token.isdecimal() and int(token) < len(value):
        return value[int(token)]
    return _ABSENT


def parse_json(body: bytes) -> Any:
    """The value that the bytes stand for: RFC 8259 in UTF-8, decimals kept exact.

    Refuses as malformed what JSON leaves open to attack or misunderstanding: duplicate member
    names, NaN and Infinity, lone surrogates, nesting deeper than 32, integers of absurd length.
    """
    try:
        value = json.loads(
            body.decode(),
            parse_float=Decimal,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique_members,
        )
    except (ValueError, ArithmeticError, RecursionError) as error:
        raise Malformed(f"The body is not valid JSON: {_reason(error)}.") from error
    _check_depth(value)
    if b"\\u" in body:
        _check_surrogates(value)
    return value


def _reason(error: Exception) -> str:
    match error:
        case json.JSONDecodeError():
            return f"{error.msg} at line {error.lineno} column {error.colno}"
        case UnicodeDecodeError():
            return "it is not UTF-8"
        case RecursionError():
            return f"it is nested deeper than {MAX_DEPTH}"
        case _:
            return "a number or a member cannot be used"


def _refuse_constant(name: str) -> Any:
    raise Malformed(f"The body is not valid JSON: {name} is no JSON value.")


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise Malformed("The body is not valid JSON: a member name occurs twice in one object.")
    return members


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for parent in level for child in _nested(parent)]
        if not level:
            return
    raise Malformed(f"The body is nested deeper than {MAX_DEPTH}.")


def _nested(value: Any) -> list[Any]:
    """The objects and arrays directly inside an object or array."""
    if not isinstance(value, dict | list):
        return []
    members = value.values() if isinstance(value, dict) else value
    return [member for member in members if isinstance(member, dict | list)]


def _check_surrogates(value: Any) -> None:
    try:
        json.dumps(value, ensure_ascii=False, default=str).encode()
    except UnicodeEncodeError as error:
        raise Malformed("The body is not valid JSON: a surrogate stands alone.") from error


def read(value: Any, *, jsonapi: bool, creating: bool) -> Document:
    """The document that a parsed body is, its structure checked.

    A plain body whose ``data.type`` is a string is a JSON:API document too: several client
    libraries label theirs ``application/json``.
    """
    if not isinstance(value, dict):
        raise Malformed("The body must be a JSON object.", pointer="")
    if not jsonapi and not _looks_like_jsonapi(value):
        _refuse_identity(value, "")
        attributes = _without_at_members(value)
        return Document(
            attributes=attributes if creating else _without_bare_links(attributes), root=value
        )
    if "data" not in value:
        raise Malformed("The document has no member 'data'.", pointer="")
    if not isinstance(value["data"], dict):
        raise Malformed("'data' must be a resource object.", pointer="/data")
    return _read_resource(value["data"], value, creating=creating)


def _refuse_identity(attributes: dict[str, Any], parent: str) -> None:
    for member in ("type", "id"):
        if member in attributes:
            raise Malformed(f"'{member}' cannot be an attribute.", pointer=f"{parent}/{member}")


def _looks_like_jsonapi(value: dict[str, Any]) -> bool:
    data = value.get("data")
    return isinstance(data, dict) and isinstance(data.get("type"), str)


def _read_resource(data: dict[str, Any], root: dict[str, Any], *, creating: bool) -> Document:
    for member in ("type", "id", "lid"):
        if member in data and not isinstance(data[member], str):
            raise Malformed(f"'{member}' must be a string.", pointer=f"/data/{member}")
    if "type" not in data:
        raise Malformed("The resource object has no 'type'.", pointer="/data")
    attributes = _object(data, "attributes")
    _refuse_identity(attributes, "/data/attributes")
    if not creating:
        attributes = _without_bare_links(attributes)
    return Document(
        is_jsonapi=True,
        type=data["type"],
        id=data.get("id"),
        attributes=attributes,
        relationships=_read_relationships(_object(data, "relationships"), creating=creating),
        root=root,
    )


def _object(data: dict[str, Any], member: str) -> dict[str, Any]:
    value = data.get(member, {})
    if not isinstance(value, dict):
        raise Malformed(f"'{member}' must be an object.", pointer=f"/data/{member}")
    return _without_at_members(value)


def _without_at_members(value: dict[str, Any]) -> dict[str, Any]:
    return {name: member for name, member in value.items() if not name.startswith("@")}


def _without_bare_links(attributes: dict[str, Any]) -> dict[str, Any]:
    """Some clients take a relationship without linkage for an attribute, and send it back so.

    Like one with links only among the relationships, it says nothing in an update.
    """
    return {
        name: value
        for name, value in attributes.items()
        if not (isinstance(value, dict) and "links" in value and value.keys() <= {"links", "meta"})
    }


def _read_relationships(relationships: dict[str, Any], *, creating: bool) -> dict[str, Any]:
    """The linkage of each relationship.

    One with links or meta only, as an answer gives it, says nothing in an update.
    """
    linkages = {}
    for name, relationship in relationships.items():
        pointer = f"/data/relationships/{_escaped(name)}"
        if not isinstance(relationship, dict):
            raise Malformed("A relationship must be an object.", pointer=pointer)
        if "data" in relationship:
            check_linkage(relationship["data"], f"{pointer}/data")
            linkages[name] = relationship["data"]
        elif creating or not relationship.keys() & {"links", "meta"}:
            raise Malformed("A relationship needs 'data'.", pointer=pointer)
    return linkages


def check_linkage(linkage: Any, pointer: str) -> None:
    """Refuse what is not null, a resource identifier or a list of them."""
    if linkage is None:
        return
    identifiers = linkage if isinstance(linkage, list) else [linkage]
    for index, identifier in enumerate(identifiers):
        place = f"{pointer}/{index}" if isinstance(linkage, list) else pointer
        if not isinstance(identifier, dict):
            raise Malformed("A resource identifier must be an object.", pointer=place)
        for member in ("type", "id"):
            if not isinstance(identifier.get(member), str):
                where = f"{place}/{member}" if member in identifier else place
                raise Malformed(f"A resource identifier needs a string '{member}'.", pointer=where)


def read_linkage(value: Any) -> Document:
    """The body of a relationship URL: ``data`` is linkage, not a resource."""
    if not isinstance(value, dict) or "data" not in value:
        raise Malformed("The document has no member 'data'.", pointer="")
    check_linkage(value["data"], "/data")
    return Document(is_jsonapi=True, linkage=value["data"], root=value)
