"""What a request's body says of the resource that it is about (API.md §1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from rest_framework.fields import SkipField

from common.api import conditional, resources
from common.api.errors import DocumentConflict, Malformed, ReadOnly
from common.api.requests import RequestChecks

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.api.documents import Document
    from common.api.serializers import StrictSerializer


class ReadsDocuments(RequestChecks):
    """Compares a document with the URL and the row that it was sent to, and takes its input.

    ``relationships`` are the names that have URLs of their own, and whether those can be written.
    """

    relationships: ClassVar[Mapping[str, bool]] = {}
    create_serializer_class: ClassVar[type[StrictSerializer] | None] = None
    update_serializer_class: ClassVar[type[StrictSerializer] | None] = None

    def get_serializer_class(self) -> Any:
        """What shows resources of this type; inputs have serializers of their own."""
        return self.serializer_class

    @property
    def document(self) -> Document:
        """The parsed body, of requests that may have one."""
        parsed: Any = self.request.data  # read_body has seen to it
        return parsed

    def read_body(self, request: Any) -> None:
        super().read_body(request)
        document = self.document
        if self.action == "partial_update" and document.is_jsonapi and document.id is None:
            raise Malformed("The resource object has no 'id'.", pointer="/data")

    def read_input(
        self,
        serializer_class: type[StrictSerializer],
        *,
        partial: bool = False,
        current: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The operation's input, checked; ``current`` are the values of what it cannot set."""
        return serializer_class(document=self.document, partial=partial, current=current).values

    def seen_for_update(self) -> Any:
        """The row to change, once it is certain that the request may change it."""
        instance = self.get_object()
        self.check_preconditions(instance.version)
        self.check_document(instance)
        return instance

    def seen_for_action(self) -> Any:
        """The row that an action URL is about, once it is certain that it may be acted on."""
        instance = self.get_object()
        self.check_preconditions(instance.version)
        self.check_action_document()
        return instance

    def check_preconditions(self, version: int) -> None:
        """If-Match and If-None-Match, against the version of the row to change."""
        conditional.check_if_match(self.request.headers.get("If-Match"), version)
        conditional.check_if_none_match(self.request.headers.get("If-None-Match"), version)

    def expected_version(self, seen: Any) -> int | None:
        """The version that If-Match demands, to be checked again under the lock."""
        named = self.request.headers.get("If-Match", conditional.ANY).strip() != conditional.ANY
        return int(seen.version) if named else None

    def check_document(self, instance: Any = None) -> None:
        """Refuse an id from the client, a written read-only relationship, another type or id."""
        document = self.document
        if instance is None and document.id is not None:
            raise ReadOnly(
                "Ids are given by the server.", code="client_id_not_supported", pointer="/data/id"
            )
        self.check_read_only(document, instance)
        if not document.is_jsonapi:
            return
        self._check_type(document)
        if instance is not None:
            self._check_id(document, str(instance.pk))

    def check_action_document(self) -> None:
        """The body of an action may leave out type and id, but not name others."""
        if self.document.type is not None:
            self._check_type(self.document)
        self._check_id(self.document, self.kwargs["pk"].lower())

    def _check_type(self, document: Document) -> None:
        if document.type != self.resource_type:
            raise DocumentConflict(
                f"Expected the type {self.resource_type!r}.", pointer="/data/type"
            )

    def _check_id(self, document: Document, own: str) -> None:
        if document.id is not None and document.id.lower() != own:
            raise DocumentConflict(
                "The document has another id than the URL.", code="id_conflict", pointer="/data/id"
            )

    def check_read_only(self, document: Document, instance: Any) -> None:
        """A relationship that cannot be written may be sent as it is, or empty for a new one."""
        for name, linkage in document.relationships.items():
            if self.is_writable(name, creating=instance is None):
                continue
            current = None if instance is None else self.current_linkage(instance, name)
            if _normal(linkage) != _normal(current):
                raise _read_only(name, f"/data/relationships/{name}")
        if instance is not None:
            self.check_plain_names(document, instance)

    def check_plain_names(self, document: Document, instance: Any) -> None:
        """What holds for relationships holds for those that are sent among the attributes."""
        for name in sorted(document.attributes.keys() & self.relationships.keys()):
            if self.is_writable(name, creating=False):
                continue
            if not self.is_current(instance, name, document.attributes[name]):
                raise _read_only(name, document.pointer(name))

    def is_current(self, instance: Any, name: str, value: Any) -> bool:
        """Whether a plain value names what the relationship leads to: by id, or by its code."""
        current = self.current_linkage(instance, name)
        if not isinstance(value, str) or not isinstance(current, dict):
            return bool(value == current)
        code = getattr(getattr(instance, name), "code", None)
        return value.lower() in {current["id"], code}

    def is_writable(self, name: str, *, creating: bool) -> bool:
        """Whether a document may set the relationship; what is unknown is refused as input."""
        serializer = self.create_serializer_class if creating else self.update_serializer_class
        return name not in self.relationships or name in getattr(serializer, "links", {})

    def current_linkage(self, instance: Any, name: str) -> Any:
        """The linkage of a relationship as it stands."""
        try:
            return resources.linkage(self.get_serializer_class(), name, instance)
        except SkipField:
            return None


def _read_only(name: str, pointer: str) -> ReadOnly:
    return ReadOnly(f"The relationship {name!r} cannot be written.", pointer=pointer)


def _normal(linkage: Any) -> Any:
    """Linkage for comparison: order and extra members do not matter, empty is empty."""
    identifiers = linkage if isinstance(linkage, list) else [linkage] if linkage else []
    return {(one["type"], one["id"].lower()) for one in identifiers}
