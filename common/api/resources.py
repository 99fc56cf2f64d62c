"""Resource objects and what they include, from DRF serializers (JSON:API 1.1 §7).

A serializer says what a resource looks like. Its shape is worked out once for each class, and an
answer is put together from it: DRF would build the serializers of every row anew, which costs
more than the rows themselves.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from rest_framework.fields import SkipField
from rest_framework.relations import ManyRelatedField, PKOnlyObject, RelatedField

from common.api import links

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from django.db.models import Model
    from rest_framework.fields import Field

    ModelClass = type[Model]

Resource = dict[str, Any]
Paths = dict[str, Any]
"""Include paths as a tree: ``category.parent`` is ``{"category": {"parent": {}}}``."""


@dataclass(frozen=True, slots=True)
class Shape:
    """What a serializer class says of its type."""

    type: str
    attributes: Mapping[str, Field[Any, Any, Any, Any]]
    relationships: Mapping[str, Field[Any, Any, Any, Any]]
    related: Mapping[str, Any]
    """The serializer class of what each relationship leads to."""
    read_scope: str
    """What a program needs to read it, and the model that staff need to be allowed to view."""
    model: ModelClass

    @property
    def names(self) -> set[str]:
        return {*self.attributes, *self.relationships}


@cache
def shape_of(serializer_class: Any) -> Shape:
    """The shape of a serializer class. Its fields are shared by all threads, for reading."""
    fields = serializer_class().fields
    linked = (RelatedField, ManyRelatedField)
    relationships = {name: one for name, one in fields.items() if isinstance(one, linked)}
    return Shape(
        type=serializer_class.Meta.resource_name,
        attributes={name: one for name, one in fields.items() if name not in relationships},
        relationships=relationships,
        related=getattr(serializer_class, "included_serializers", {}),
        read_scope=serializer_class.Meta.read_scope,
        model=serializer_class.Meta.model,
    )


@cache
def fieldsets(serializer_class: Any, depth: int = 2) -> Mapping[str, frozenset[str]]:
    """The field names of every type that can occur in an answer."""
    shape = shape_of(serializer_class)
    known: dict[str, frozenset[str]] = {}
    if depth:
        for other in shape.related.values():
            known |= fieldsets(other, depth - 1)
    return known | {shape.type: frozenset(shape.names)}


def related_instance(serializer_class: Any, name: str, instance: Any) -> Any:
    """What a relationship of an instance leads to: one instance, a list of them, or None."""
    relationship = shape_of(serializer_class).relationships[name]
    related = getattr(instance, str(relationship.source))
    if isinstance(relationship, ManyRelatedField):
        return list(related.all() if hasattr(related, "all") else related)
    return related


def is_gone(instance: Any) -> bool:
    """Whether it has been deleted, and stays only for the history that names it."""
    return bool(getattr(instance, "is_gone", False))


def linkage(serializer_class: Any, name: str, instance: Any) -> Any:
    """The linkage of a relationship; raises SkipField where it is not shown."""
    return _shown(shape_of(serializer_class).relationships[name], instance)


@dataclass(frozen=True, slots=True)
class Builder:
    """Builds the resource objects of one answer: for this origin, with these fields of a type."""

    origin: str
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def resource(self, serializer_class: Any, instance: Any) -> Resource:
        shape = shape_of(serializer_class)
        wanted = self.fields.get(shape.type)
        url = links.resource_url(self.origin, shape.type, instance.pk)
        built: Resource = {"type": shape.type, "id": str(instance.pk)}
        attributes = {
            name: _shown(one, instance)
            for name, one in shape.attributes.items()
            if wanted is None or name in wanted
        }
        if attributes:
            built["attributes"] = attributes
        relationships = {
            name: _relationship(one, instance, url, name)
            for name, one in shape.relationships.items()
            if wanted is None or name in wanted
        }
        if relationships:
            built["relationships"] = relationships
        built["links"] = {"self": url}
        return built

    def included(
        self, serializer_class: Any, instances: Sequence[Any], paths: Iterable[str]
    ) -> list[Resource]:
        """The resources at the ends of these paths and on the way there, each once."""
        found: dict[tuple[str, str], Resource] = {}
        self._follow(serializer_class, instances, _tree(paths), found)
        primary = shape_of(serializer_class).type
        for instance in instances:
            found.pop((primary, str(instance.pk)), None)
        return [found[key] for key in sorted(found)]

    def _follow(
        self,
        serializer_class: Any,
        instances: Iterable[Any],
        tree: Paths,
        found: dict[tuple[str, str], Resource],
    ) -> None:
        for name, deeper in tree.items():
            other_class = shape_of(serializer_class).related[name]
            other_type = shape_of(other_class).type
            others = _distinct(related_instance(serializer_class, name, one) for one in instances)
            for pk, other in others.items():
                if (key := (other_type, str(pk))) not in found:
                    found[key] = self.resource(other_class, other)
            self._follow(other_class, others.values(), deeper, found)


def _shown(one: Field[Any, Any, Any, Any], instance: Any) -> Any:
    """An attribute or linkage as it is sent, as DRF's serializers do it."""
    value = one.get_attribute(instance)
    known = value.pk if isinstance(value, PKOnlyObject) else value
    return None if known is None else one.to_representation(value)


def _relationship(
    one: Field[Any, Any, Any, Any], instance: Any, url: str, name: str
) -> dict[str, Any]:
    relationship: dict[str, Any] = {"links": links.relationship_links(url, name)}
    with suppress(SkipField):
        relationship["data"] = _shown(one, instance)
    return relationship


def _tree(paths: Iterable[str]) -> Paths:
    tree: Paths = {}
    for path in paths:
        branch = tree
        for name in path.split("."):
            branch = branch.setdefault(name, {})
    return tree


def _distinct(related: Iterable[Any]) -> dict[Any, Any]:
    """The instances by their id, those of to-many relationships taken one by one."""
    found = {}
    for one in related:
        for instance in one if isinstance(one, list) else [one]:
            if instance is not None and not is_gone(instance):
                found[instance.pk] = instance
    return found
