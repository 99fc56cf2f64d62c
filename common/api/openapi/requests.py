"""JSON Schemas of request bodies: a JSON:API document, or a plain object (API.md §1).

Members that begin with ``@`` are ignored, as the standard demands, but not offered: a pattern of
names among the properties makes generated types let every typing error pass.
"""

from __future__ import annotations

import inspect
from itertools import combinations
from typing import TYPE_CHECKING, Any, Final, Literal

from rest_framework_json_api.utils import is_relationship_field

from common.api.documents import Document
from common.api.negotiation import JSON, JSONAPI
from common.api.openapi.answers import ID, identifier, linkage, object_of
from common.api.openapi.values import attribute, nullable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from common.api.openapi.answers import Answers
    from common.api.openapi.components import Schema
    from common.api.serializers import StrictSerializer

Kind = Literal["create", "change", "action"]
EXAMPLE_ID: Final = "0190f3a1-7c3e-7b1a-9d5e-3f6c8a1b2d4e"


class Input:
    """What requests of one kind may carry, as the serializer that checks them declares it.

    ``kind``: "create", "change" (of some attributes), or "action" (of an action's own URL).
    """

    def __init__(
        self, answers: Answers, serializer_class: type[StrictSerializer], name: str, kind: Kind
    ) -> None:
        self.answers = answers
        self.declared = serializer_class
        self.fields: Mapping[str, Any] = serializer_class(document=Document()).fields
        self.name = name
        self.kind = kind
        self.links = {link.input: name for name, link in serializer_class.links.items()}

    @property
    def is_needed(self) -> bool:
        """Whether there is nothing to be done without a body."""
        return any(field.required for field in self.fields.values())

    # The two media types

    def content(self) -> Schema:
        components = self.answers.components
        plain = components.schema(self.name, self.attributes, self.declared)
        document = components.schema(f"{self.name}Document", self.document, self.declared)
        return {
            JSONAPI: {"schema": document, "example": self._document_example()},
            JSON: {
                "schema": {"oneOf": [plain, document]},
                "example": dict(self.declared.example),
            },
        }

    def _document_example(self) -> Schema:
        resource: Schema = {"type": self._type()}
        if self.kind == "change":
            resource["id"] = EXAMPLE_ID
        return {"data": resource | {"attributes": dict(self.declared.example)}}

    def _type(self) -> str:
        return str(self.answers.serializer.Meta.resource_name)

    # Attributes

    def attributes(self) -> Schema:
        """The attributes: the whole of a plain body."""
        groups = [self._spelled(names) for names in self._demanded()]
        schema = self._attributes([names[0] for names in groups if len(names) == 1])
        choices = [[_having(name) for name in names] for names in groups]
        twice = [[_having(name) for name in self._spelled([name])] for name in self.fields]
        return schema | _one_of_each(choices) | _none_of(_pairs(twice))

    def _attributes(self, required: list[str]) -> Schema:
        properties = {name: attribute(field) for name, field in self.fields.items()}
        for alias, name in self.declared.aliases.items():
            properties[alias] = properties[name]
        sent_back = self.declared.kept | (set() if self.kind == "create" else self.declared.fixed)
        properties |= {name: self._kept(name) for name in sorted(sent_back)}
        return object_of(properties, optional=properties.keys() - set(required)) | {
            "description": inspect.getdoc(self.declared) or "",
            "additionalProperties": False,
        }

    def _kept(self, name: str) -> Schema:
        """An attribute that is not set here; sent back as it is, it is ignored."""
        field = self.answers.fields.get(name)
        if field is None or is_relationship_field(field):
            return {"readOnly": True}
        return attribute(field) | {"readOnly": True}

    def _demanded(self) -> list[Sequence[str]]:
        """Inputs of which at least one must be sent, group by group."""
        groups: list[Sequence[str]] = list(self.declared.alternatives)
        if self.kind != "change":
            groups += [(name,) for name, field in self.fields.items() if field.required]
        return groups

    def _spelled(self, names: Sequence[str]) -> list[str]:
        """These inputs under each of their names."""
        aliases = self.declared.aliases.items()
        return [*names, *(alias for alias, name in aliases if name in names)]

    # The document

    def document(self) -> Schema:
        """The JSON:API document with the same attributes."""
        groups = [self._ways(names) for names in self._demanded()]
        sole = [names[0] for names in self._demanded() if len(self._ways(names)) == 1]
        members: Schema = {
            "type": {"const": self._type()},
            "id": ID,
            "lid": {"type": "string"},
            "attributes": self._attributes(sole),
            "relationships": self._relationships(),
        }
        optional = {"lid", "relationships"} | (set() if sole else {"attributes"})
        if self.kind == "action":
            optional.add("id")
        if self.kind == "create":
            del members["id"]
        forbidden = _pairs(self._ways([name]) for name in self.links)
        if self.kind == "create":  # ids are given by the server
            forbidden.append(_having("id"))
        resource = object_of(members, optional=optional)
        return object_of({"data": resource | _one_of_each(groups) | _none_of(forbidden)})

    def _ways(self, names: Sequence[str]) -> list[Schema]:
        """The ways to send one of these inputs: as an attribute or as a relationship."""
        linked = [self.links[name] for name in names if name in self.links]
        return [_having("attributes", name) for name in self._spelled(names)] + [
            _having("relationships", name) for name in linked
        ]

    def _relationships(self) -> Schema:
        properties: Schema = {}
        for name, link in self.declared.links.items():
            properties[name] = self._writable(link.type, self.fields[link.input])
        for name, field in self.answers.fields.items():
            if name in self.declared.kept and is_relationship_field(field):
                properties[name] = self._unwritable(field)
        return {
            "type": "object",
            "properties": properties,
            "additionalProperties": False,
        }

    def _writable(self, resource_type: str, field: Any) -> Schema:
        one = identifier(self.answers.components, resource_type)
        return self._relationship(nullable(one) if field.allow_null else one)

    def _unwritable(self, field: Any) -> Schema:
        """Empty on create; on change what it is already, anything else is refused with 403."""
        if self.kind == "create":
            return self._relationship({"enum": [None, []]})
        return self._relationship(linkage(self.answers.components, field))

    def _relationship(self, data: Schema) -> Schema:
        """Linkage; in a change also what an answer gave without linkage, which is ignored."""
        schema: Schema = {"type": "object", "properties": {"data": data}}
        if self.kind != "change":
            return schema | {"required": ["data"]}
        return schema | _one_of_each([[_having(name) for name in ("data", "links", "meta")]])


def _having(*path: str) -> Schema:
    """An object that has the member at this path."""
    name, *rest = path
    schema: Schema = {"required": [name]}
    return schema | {"properties": {name: _having(*rest)}} if rest else schema


def _one_of_each(groups: list[list[Schema]]) -> Schema:
    """A schema that demands one way of each group; where there is no choice, nothing.

    The choice stands apart, in ``allOf``: beside the properties, generators of types take it for
    another form that the whole may have.
    """
    choices = [{"anyOf": ways} for ways in groups if len(ways) > 1]
    return {"allOf": choices} if choices else {}


def _pairs(groups: Iterable[list[Schema]]) -> list[Schema]:
    """For each two of a group, both at once: the same thing would be said twice."""
    return [{"allOf": list(pair)} for ways in groups for pair in combinations(ways, 2)]


def _none_of(schemas: list[Schema]) -> Schema:
    return {"not": {"anyOf": schemas}} if schemas else {}


def linkage_content(data: Schema) -> Schema:
    """The body of a relationship URL."""
    media: Schema = {"schema": object_of({"data": data})}
    return {JSONAPI: media, JSON: media}


def any_linkage() -> Schema:
    """What a relationship URL reads before it refuses."""
    one = object_of({"type": {"type": "string"}, "id": {"type": "string"}})
    return {"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]}
