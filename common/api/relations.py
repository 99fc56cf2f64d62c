"""Relationships in answers: linkage from what is already loaded, never a query of their own."""

from __future__ import annotations

from typing import Any

from rest_framework.fields import SkipField
from rest_framework.relations import ManyRelatedField, PKOnlyObject, RelatedField


class ToOne(RelatedField):
    """Linkage of a to-one relationship, from the foreign key alone."""

    def __init__(self, resource_type: str, **kwargs: Any) -> None:
        super().__init__(read_only=True, **kwargs)
        self.resource_type = resource_type

    def get_attribute(self, instance: Any) -> Any:
        if hasattr(instance, f"{self.source}_id"):
            return PKOnlyObject(pk=getattr(instance, f"{self.source}_id"))
        return super().get_attribute(instance)

    def use_pk_only_optimization(self) -> bool:
        return False

    def to_representation(self, value: Any) -> dict[str, str]:
        return {"type": self.resource_type, "id": str(value.pk)}


class ToOneWhenIncluded(ToOne):
    """Links only, and linkage when the request includes the resource.

    For a relationship whose other end lives apart: the bytes of the one do not change with the
    other. The instance carries the related object, loaded by the view, when it is included.
    """

    def __init__(self, resource_type: str, **kwargs: Any) -> None:
        super().__init__(resource_type, allow_null=True, **kwargs)

    def get_attribute(self, instance: Any) -> Any:
        if self.source not in vars(instance):
            raise SkipField
        return getattr(instance, str(self.source))


def to_many(resource_type: str, **kwargs: Any) -> ManyRelatedField:
    """Linkage of a to-many relationship, from prefetched rows."""
    return ManyRelatedField(child_relation=ToOne(resource_type), read_only=True, **kwargs)
