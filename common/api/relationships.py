"""The URLs of relationships: their linkage, and what they lead to (API.md §6)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework.response import Response

from common.access.permissions import check_may_read
from common.api import links, resources
from common.api.bodies import ReadsDocuments
from common.api.errors import ReadOnly
from common.api.serializers import Link, linked

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class HasRelationships(ReadsDocuments):
    """Answers ``/{type}/{id}/relationships/{name}`` and ``/{type}/{id}/{name}``."""

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        self.check_related_access()

    def check_related_access(self) -> None:
        """Refuse who may read the resource, but not what it includes or leads to."""
        paths = [path.split(".") for path in self.query.include]
        if self.action == "related":
            paths.append([self.kwargs["related_field"]])
        for path in paths:
            shape = resources.shape_of(self.get_serializer_class())
            for name in path:
                shape = resources.shape_of(shape.related[name])
                check_may_read(self.request.user, shape.read_scope, shape.model)

    def relationship(self, request: Request, pk: str, related_field: str) -> Response:
        return self.linkage(self.get_object(), related_field)

    def linkage(self, instance: Any, name: str) -> Response:
        url = links.resource_url(self.origin, self.resource_type, instance.pk)
        return Response(
            {
                "links": links.relationship_links(url, name),
                "data": self.current_linkage(instance, name),
            }
        )

    def change_relationship(self, request: Request, pk: str, related_field: str) -> Response:
        """Set a to-one relationship to an identifier or to null."""
        instance = self.get_object()
        self.check_preconditions(instance.version)
        if not self.relationships[related_field]:
            raise _not_writable(related_field)
        other = resources.shape_of(self.get_serializer_class()).related[related_field]
        link = Link(resources.shape_of(other).type, "data")
        linked_id = linked(self.document.linkage, link, "/data")
        return self.linkage(self.set_linkage(instance, related_field, linked_id), related_field)

    def set_linkage(self, instance: Any, name: str, linked_id: UUID | None) -> Any:
        """Write a relationship that is marked as writable; returns the changed instance."""
        raise NotImplementedError

    def refuse_relationship(self, request: Request, pk: str, related_field: str) -> Response:
        self.get_object()
        raise _not_writable(related_field)

    def related_serializer(self) -> Any:
        return resources.shape_of(self.get_serializer_class()).related[self.kwargs["related_field"]]

    def related(self, request: Request, pk: str, related_field: str) -> Response:
        """What is at the other end: null when there is nothing."""
        other = resources.related_instance(
            self.get_serializer_class(), related_field, self.get_object()
        )
        if resources.is_gone(other):
            raise Http404
        builder = resources.Builder(self.origin, self.query.fields)
        serializer_class = self.related_serializer()
        document: dict[str, Any] = {"links": {"self": links.own(request)}, "data": None}
        if isinstance(other, list):
            document["data"] = [builder.resource(serializer_class, one) for one in other]
        elif other is not None:
            document["data"] = builder.resource(serializer_class, other)
        response = Response(document)
        response.version = getattr(other, "version", None)  # type: ignore[attr-defined]  # for the ETag
        return response


def _not_writable(name: str) -> ReadOnly:
    return ReadOnly(f"The relationship {name!r} cannot be changed like this.")
