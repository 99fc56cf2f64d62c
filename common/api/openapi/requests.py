"""JSON Schemas of request bodies: a JSON:API document, or a plain object (API.md §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rest_framework_json_api.utils import is_relationship_field

from common.api.documents import Document
from common.api.negotiation import JSON, JSONAPI
from common.api.openapi.answers import ID, identifier, is_to_many, object_of
from common.api.openapi.values import attribute, nullable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from common.api.openapi.answers import Answers
    from common.api.openapi.components import Schema
    from common.api.serializers import StrictSerializer

EXAMPLE_ID: Final = "0190f3a1-7c3e-7b1a-9d5e-3f6c8a1b2d4e"
IGNORED: Final[Schema] = {"^@": {"description": "Ignored."}}


class Input:
    """What requests of one kind may carry, as the serializer that checks them declares it."""

    def __init__(
        self, answers: Answers, serializer_class: type[StrictSerializer], name: str, method: str
    ) -> None:
        self.answers = answers
        self.declared = serializer_class
        self.fields: Mapping[str, Any] = serializer_class(document=Document()).fields
        self.name = name
        self.is_change = method == "PATCH"
        self.is_create = name.endswith("Input") and method == "POST"

    # The two media types

    def content(self) -> Schema:
        components = self.answers.components
        plain = components.schema(self.name, self.attributes, self.declared)
        document = components.schema(f"{self.name}Document", self.document, self.declared)
        return {
            JSONAPI: {"schema": document} | self._example(self._document_example()),
            JSON: {"schema": {"oneOf": [plain, document]}} | self._example(self.declared.example),
        }

    def _example(self, value: Mapping[str, Any]) -> Schema:
        return {"example": dict(value)} if self.declared.example else {}

    def _document_example(self) -> Schema:
        resource: Schema = {"type": self._type()}
        if self.is_change:
            resource["id"] = EXAMPLE_ID
        return {"data": resource | {"attributes": dict(self.declared.example)}}

    def _type(self) -> str:
        return str(self.answers.serializer.Meta.resource_name)

    # Attributes

    def attributes(self) -> Schema:
        """The attributes: the whole of a plain body."""
        schema = self._attributes()
        return schema | _demanding([[_having(name) for name in names] for names in self._groups()])

    def _attributes(self) -> Schema:
        properties = {name: attribute(field) for name, field in self.fields.items()}
        for alias, name in self.declared.aliases.items():
            properties[alias] = properties[name]
        properties |= {name: self._kept(name) for name in sorted(self.declared.kept)}
        schema: Schema = {
            "type": "object",
            "properties": properties,
            "patternProperties": IGNORED,
            "additionalProperties": False,
        }
        if self.declared.__doc__:
            schema["description"] = self.declared.__doc__
        return schema

    def _kept(self, name: str) -> Schema:
        """An attribute that the server keeps; sent back, it is ignored."""
        field = self.answers.fields.get(name)
        if field is None or is_relationship_field(field):
            return {"readOnly": True}
        return attribute(field) | {"readOnly": True}

    def _groups(self) -> list[list[str]]:
        """Inputs of which at least one must be sent, group by group, under any of their names."""
        alternatives = list(self.declared.alternatives)
        if not self.is_change:
            alternatives += [(name,) for name, field in self.fields.items() if field.required]
        return [[*names, *self._second_names(names)] for names in alternatives]

    def _second_names(self, names: Iterable[str]) -> list[str]:
        return [alias for alias, name in self.declared.aliases.items() if name in names]

    # The document

    def document(self) -> Schema:
        """The JSON:API document with the same attributes."""
        data: Schema = {
            "type": {"const": self._type()},
            "id": ID,
            "lid": {"type": "string"},
            "attributes": self._attributes(),
            "relationships": self._relationships(),
        }
        optional = {"lid", "attributes", "relationships"}
        if self.is_create:  # ids are given by the server
            del data["id"]
        elif not self.is_change:
            optional.add("id")
        resource = object_of(data, optional=optional)
        if self.is_create:
            resource["not"] = {"required": ["id"]}
        return object_of({"data": resource | _demanding(self._ways())})

    def _ways(self) -> list[list[Schema]]:
        """For each demanded input, the ways to send it: as an attribute or as a relationship."""
        linked = {link.input: name for name, link in self.declared.links.items()}
        return [
            [_having("attributes", name) for name in names]
            + [_having("relationships", linked[name]) for name in names if name in linked]
            for names in self._groups()
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
            "patternProperties": IGNORED,
            "additionalProperties": False,
        }

    def _writable(self, resource_type: str, field: Any) -> Schema:
        one = identifier(resource_type)
        return self._relationship(nullable(one) if field.allow_null else one)

    def _unwritable(self, field: Any) -> Schema:
        """Empty on create; on change what it is already, anything else is refused with 403."""
        if not self.is_change:
            return self._relationship({"enum": [None, []]})
        resource_type = getattr(field, "child_relation", field).resource_type
        one = identifier(resource_type)
        return self._relationship(
            {"type": "array", "items": one} if is_to_many(field) else nullable(one)
        )

    def _relationship(self, data: Schema) -> Schema:
        """Linkage; in a change also what an answer gave without linkage, which is ignored."""
        schema: Schema = {"type": "object", "properties": {"data": data}}
        if not self.is_change:
            return schema | {"required": ["data"]}
        return schema | {"anyOf": [_having(name) for name in ("data", "links", "meta")]}


def _having(*path: str) -> Schema:
    """An object that has the member at this path."""
    name, *rest = path
    schema: Schema = {"required": [name]}
    return schema | {"properties": {name: _having(*rest)}} if rest else schema


def _demanding(groups: list[list[Schema]]) -> Schema:
    """A schema that demands one way of each group."""
    rules = [ways[0] if len(ways) == 1 else {"anyOf": ways} for ways in groups]
    return {"allOf": rules} if rules else {}


def linkage_content(data: Schema) -> Schema:
    """The body of a relationship URL."""
    media: Schema = {"schema": object_of({"data": data})}
    return {JSONAPI: media, JSON: media}


def any_linkage() -> Schema:
    """What a relationship URL reads before it refuses."""
    one = object_of({"type": {"type": "string"}, "id": {"type": "string"}})
    return {"anyOf": [one, {"type": "array", "items": one}, {"type": "null"}]}
