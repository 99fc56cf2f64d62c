"""JSON Schemas of the documents that answers carry: resources, collections, linkage, errors.

Members that may be missing are not required here: a client can leave out any attribute and
relationship with ``fields[...]``. Answers may gain members, so unknown ones are not forbidden.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework_json_api.utils import is_relationship_field

from common.api.openapi.components import Components, Schema
from common.api.openapi.values import attribute, nullable
from common.api.relations import ToOneWhenIncluded

if TYPE_CHECKING:
    from collections.abc import Collection

URL: Schema = {"type": "string", "format": "uri"}
ID: Schema = {"type": "string", "format": "uuid"}


def object_of(properties: Schema, *, optional: Collection[str] = ()) -> Schema:
    """An object with these members, all of them required but the optional ones."""
    schema: Schema = {"type": "object", "properties": properties}
    required = [name for name in properties if name not in optional]
    return schema | {"required": required} if required else schema


def singular(serializer: Any) -> str:
    """What one resource is called in names of the document: ``StockLevel``."""
    return str(serializer.__name__).removesuffix("Serializer")


def identifier(components: Components, resource_type: str) -> Schema:
    """Type and id of one resource."""
    name = "".join(word.capitalize() for word in resource_type.split("-"))
    return components.schema(
        f"{name}Identifier", lambda: object_of({"type": {"const": resource_type}, "id": ID})
    )


def is_to_many(field: Any) -> bool:
    return hasattr(field, "child_relation")


def linkage(components: Components, field: Any) -> Schema:
    """What ``data`` of a relationship is, for the serializer's field."""
    if is_to_many(field):
        one = identifier(components, field.child_relation.resource_type)
        return {"type": "array", "items": one}
    one = identifier(components, field.resource_type)
    return nullable(one) if field.allow_null else one


class Answers:
    """The documents about one resource type, as references to components."""

    def __init__(self, components: Components, serializer: Any) -> None:
        self.components = components
        self.serializer = serializer
        self.name = singular(serializer)
        self.fields = serializer().fields

    # Resources

    def resource(self) -> Schema:
        return self.components.schema(self.name, self._resource, self.serializer)

    def _resource(self) -> Schema:
        related = {name: f for name, f in self.fields.items() if is_relationship_field(f)}
        plain = {name: attribute(f) for name, f in self.fields.items() if name not in related}
        members: Schema = {
            "type": {"const": self.serializer.Meta.resource_name},
            "id": ID,
            "attributes": object_of(plain, optional=plain),
            "links": object_of({"self": URL}),
        }
        if related:
            members["relationships"] = object_of(
                {name: self._relationship(field) for name, field in related.items()},
                optional=related,
            )
        return object_of(members, optional={"attributes", "relationships"})

    def _relationship(self, field: Any) -> Schema:
        members = {"links": self._relationship_links(), "data": linkage(self.components, field)}
        optional = {"data"} if isinstance(field, ToOneWhenIncluded) else ()
        return object_of(members, optional=optional)

    def _relationship_links(self) -> Schema:
        return self.components.schema(
            "RelationshipLinks", lambda: object_of({"self": URL, "related": URL})
        )

    # Documents

    def one(self, includes: Collection[str]) -> Schema:
        """The document of one resource."""
        return self.components.schema(
            f"{self.name}Document",
            lambda: self._document(self.resource(), includes),
            self.serializer,
        )

    def related(self, *, many: bool, null: bool) -> Schema:
        """The document behind a related link."""
        resource = self.resource()
        if many:
            return self._document({"type": "array", "items": resource}, ())
        return self._document(nullable(resource) if null else resource, ())

    def meta(self) -> Schema:
        """A document with nothing but figures."""
        return self._top_level({"meta": attribute(self.serializer())})

    def collection(
        self, includes: Collection[str], *, numbered: bool, meta: Schema | None = None
    ) -> Schema:
        """The document of a page of resources; ``meta``: what it tells beside its place."""
        return self.components.schema(
            f"{self.name}Collection",
            lambda: self._collection(includes, numbered=numbered, meta=meta),
            self.serializer,
        )

    def linkage(self, name: str) -> Schema:
        """The document of a relationship URL."""
        data = linkage(self.components, self.fields[name])
        members = {"links": self._relationship_links(), "data": data}
        return self._top_level(members)

    def _document(self, data: Schema, includes: Collection[str]) -> Schema:
        links = self.components.schema("SelfLink", lambda: object_of({"self": URL}))
        return self._top_level({"links": links, "data": data}, includes)

    def _collection(
        self, includes: Collection[str], *, numbered: bool, meta: Schema | None
    ) -> Schema:
        page = (
            self.components.schema("PageMeta", page_meta)
            if numbered
            else self.components.schema("CursorPageMeta", cursor_page_meta)
        )
        members = {
            "links": self.components.schema("PageLinks", page_links),
            "data": {"type": "array", "items": self.resource()},
            "meta": object_of(page_meta()["properties"] | meta, optional=meta) if meta else page,
        }
        return self._top_level(members, includes)

    def _top_level(self, members: Schema, includes: Collection[str] = ()) -> Schema:
        members = {"jsonapi": self.components.schema("JsonApi", jsonapi), **members}
        if includes:
            members["included"] = self._included(includes)
        return object_of(members, optional={"included"})

    def _included(self, includes: Collection[str]) -> Schema:
        reached = {singular(found): found for path in includes for found in self._along(path)}
        resources = [Answers(self.components, reached[name]).resource() for name in sorted(reached)]
        return {
            "description": "What the parameter `include` asked for.",
            "type": "array",
            "items": {"anyOf": resources},
        }

    def _along(self, path: str) -> list[Any]:
        """The serializers of every resource on an include path."""
        found, serializer = [], self.serializer
        for name in path.split("."):
            serializer = serializer.included_serializers[name]
            found.append(serializer)
        return found


def jsonapi() -> Schema:
    return object_of({"version": {"const": "1.1"}})


def page_links() -> Schema:
    """A link that leads nowhere is left out."""
    names = ("self", "first", "prev", "next", "last")
    return object_of(dict.fromkeys(names, URL), optional={"prev", "next", "last"})


def page_meta() -> Schema:
    whole: Schema = {"type": "integer", "minimum": 1}
    page = {
        "number": whole,
        "size": whole,
        "total": {"type": "integer", "minimum": 0},
        "total_is_estimate": {
            "const": True,
            "description": "Present when there are more than 10 000.",
        },
    }
    optional = {"number", "total", "total_is_estimate"}
    return object_of({"page": object_of(page, optional=optional)})


def cursor_page_meta() -> Schema:
    return object_of({"page": object_of({"size": {"type": "integer", "minimum": 1}})})


def errors(components: Components) -> Schema:
    """The document of every refusal."""
    return components.schema("Errors", lambda: _errors(components))


def _errors(components: Components) -> Schema:
    problems: Schema = {
        "type": "array",
        "minItems": 1,
        "items": components.schema("Error", _error),
    }
    return object_of({"jsonapi": components.schema("JsonApi", jsonapi), "errors": problems})


def _error() -> Schema:
    text: Schema = {"type": "string"}
    source = {
        "pointer": {**text, "description": "To the place in the body as it was sent."},
        "parameter": {**text, "description": "The query parameter."},
        "header": {**text, "description": "The request header."},
    }
    members: Schema = {
        "id": {**text, "description": "The id of the request."},
        "status": {**text, "pattern": "^[45][0-9]{2}$"},
        "code": {**text, "pattern": "^[a-z_]+$", "description": "Stable: decide by this."},
        "title": text,
        "detail": {**text, "description": "For a person."},
        "source": object_of(source, optional=source),
        "meta": {
            "type": "object",
            "description": "Figures that go with the code.",
            "additionalProperties": True,
        },
    }
    return object_of(members, optional={"source", "meta"})
