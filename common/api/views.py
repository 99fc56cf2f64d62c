"""The one base of every endpoint: the order of checks, answers, relationships (API.md §3)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar

from django.http import Http404
from rest_framework.exceptions import MethodNotAllowed
from rest_framework.response import Response
from rest_framework.viewsets import GenericViewSet

from common.access import quota
from common.api import conditional, filters, links, once, parameters
from common.api.documents import Document
from common.api.errors import (
    DocumentConflict,
    Malformed,
    PayloadTooLarge,
    ReadOnly,
    UnsupportedMediaType,
)
from common.api.negotiation import HTML, JSONAPI, check_content_type, check_parameters
from common.api.pagination import paginate
from common.api.renderers import Finished
from common.api.serializers import Link, linked
from common.observability.context import set_actor

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.request import Request

    from common.api.parameters import Query
    from common.api.serializers import StrictSerializer

MAX_BODY_BYTES = 2**20


class ResourceView(GenericViewSet[Any]):
    """One JSON:API resource type. Subclasses say what it has; each action is one domain call.

    ``includes`` are the relationship paths a client may include, ``sortable`` the attributes a
    collection may be sorted by (with the column behind them), ``relationships`` the names that
    have URLs of their own, and whether a client may write them.
    """

    http_method_names = ["get", "post", "patch", "delete", "head"]  # noqa: RUF012  DRF's own form
    resource_type: ClassVar[str]
    includes: ClassVar[Collection[str]] = ()
    sortable: ClassVar[Mapping[str, str]] = {}
    ordering: ClassVar[Sequence[str]] = ("pk",)
    filterset_class: ClassVar[type[filters.Filters]] = filters.Filters
    cursor_only: ClassVar[bool] = False
    relationships: ClassVar[Mapping[str, bool]] = {}
    create_serializer_class: ClassVar[type[StrictSerializer] | None] = None
    update_serializer_class: ClassVar[type[StrictSerializer] | None] = None

    request: Request
    query: Query
    resource_name: str

    # The way of a request

    def dispatch(self, request: Any, *args: Any, **kwargs: Any) -> Any:
        """As DRF does, with the Idempotency-Key around the action."""
        self.args, self.kwargs = args, kwargs
        self.resource_name = self.resource_type
        self.request = request = self.initialize_request(request, *args, **kwargs)
        self.headers = self.default_response_headers
        try:
            self.initial(request, *args, **kwargs)
            response = once.answered_once(self, getattr(self, request.method.lower()))
        except Exception as error:  # noqa: BLE001  DRF's own pattern: a bug is raised again there
            response = self.handle_exception(error)
        self.response = self.finished(response)
        return self.response

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Every check that needs no row, in the order that API.md gives."""
        self.format_kwarg = None
        if request.method not in self.allowed_methods:
            raise MethodNotAllowed(str(request.method))
        self.perform_authentication(request)
        self.name_the_sender(request)
        self.check_permissions(request)
        self.check_throttles(request)
        request.accepted_renderer, request.accepted_media_type = (
            self.perform_content_negotiation(request)
        )
        self.check_body_form(request)
        self.query = parameters.read_query(request.query_params, self.allowed_parameters())
        if request.method in {"POST", "PATCH"}:
            self.read_body(request)

    @property
    def default_response_headers(self) -> dict[str, str]:
        """None of DRF's: Allow belongs to a 405, Vary is set for every answer of the service."""
        return {}

    def name_the_sender(self, request: Request) -> None:
        """Tell logs, movements and events who caused what follows."""
        if request.user.is_authenticated:
            set_actor(str(request.user))
            request._request.client_name = str(request.user)  # noqa: SLF001  read by the log

    def check_body_form(self, request: Request) -> None:
        """Refuse a body that is too large, encoded, or in a media type that we do not read."""
        length = int(request.META.get("CONTENT_LENGTH") or 0)
        if length > MAX_BODY_BYTES:
            raise PayloadTooLarge(f"At most {MAX_BODY_BYTES} bytes.")
        if request.headers.get("Content-Encoding", "identity").lower() != "identity":
            raise UnsupportedMediaType("Send the body as it is.", header="Content-Encoding")
        content_type = request.content_type or ""
        if length and request.method in {"POST", "PATCH"}:
            check_content_type(content_type)
        else:
            check_parameters(content_type)

    def read_body(self, request: Request) -> None:
        """Parse now, so that a malformed body is refused before anything else is looked at."""
        if not isinstance(request.data, Document):
            request._full_data = self.empty_document()  # noqa: SLF001  DRF puts {} for no body

    def empty_document(self) -> Document:
        """What no body means. Actions take it as "no attributes"; others need a document."""
        if self.is_action:
            return Document()
        raise Malformed("The request needs a body.")

    def finished(self, response: Any) -> Any:
        """The last touches that every answer gets: rendered bytes, ETag, headers."""
        if getattr(response, "is_finished", False):
            return response
        response.is_finished = True
        if isinstance(response, Response):
            response = self.finalize_response(self.request, response)
            response.render()
            self.label_version(response)
        response.headers.setdefault("Cache-Control", "private, no-cache")
        verdict = getattr(self.request._request, "quota_verdict", None)  # noqa: SLF001
        if verdict is not None:
            for name, value in quota.headers(verdict).items():
                response[name] = value
        return response

    def label_version(self, response: Response) -> None:
        """ETag of a single resource; 304 without a body when the client holds it already."""
        version = getattr(response, "version", None)
        if version is None or self.request.accepted_media_type == HTML:
            return
        body = None if self.is_default_representation() else response.content
        response["ETag"] = conditional.etag(version, body)
        fetched = self.request.method in {"GET", "HEAD"}
        if fetched and conditional.is_not_modified(
            self.request.headers.get("If-None-Match"), response["ETag"]
        ):
            response.status_code = 304
            response.content = b""
            del response["Content-Type"]

    def is_default_representation(self) -> bool:
        """Whether the answer is the one whose bytes depend on the version alone."""
        return False

    # What the request says

    @property
    def is_collection(self) -> bool:
        return self.action == "list"

    @property
    def is_action(self) -> bool:
        """A POST to an action URL, which needs no body."""
        return self.action not in {"create", "partial_update", "change_relationship"}

    @property
    def takes_linkage(self) -> bool:
        return self.action in {"change_relationship", "refuse_relationship"}

    def allowed_parameters(self) -> parameters.Allowed:
        if self.takes_linkage or self.action in {"destroy", "relationship"}:
            return parameters.Allowed()
        serializer = self.get_serializer_class()
        if self.action == "related":
            serializer = self.related_serializer()
            return parameters.Allowed(fields=_fieldsets(serializer))
        return parameters.Allowed(
            includes=self.includes,
            fields=_fieldsets(serializer),
            filters=self.filterset_class.base_filters,
            sort=self.sortable,
            is_collection=self.is_collection,
            cursor_only=self.cursor_only,
            plain_pages=JSONAPI not in self.request.headers.get("Accept", "").lower(),
        )

    def read_input(
        self, serializer_class: type[StrictSerializer], *, partial: bool = False
    ) -> dict[str, Any]:
        """The operation's input, checked."""
        document: Document = self.request.data
        return serializer_class(
            document=document, partial=partial, context=self.get_serializer_context()
        ).values

    def check_document(self, instance: Any = None) -> None:
        """Refuse an id from the client, a written read-only relationship, another type or id."""
        document: Document = self.request.data
        if instance is None and document.id is not None:
            raise ReadOnly(
                "Ids are given by the server.", code="client_id_not_supported", pointer="/data/id"
            )
        self.check_read_only(document, instance)
        if not document.is_jsonapi:
            return
        if document.type != self.resource_type:
            raise DocumentConflict(f"Expected the type {self.resource_type!r}.", pointer="/data/type")
        if instance is not None and (document.id or "").lower() != str(instance.pk):
            raise DocumentConflict(
                "The document has another id than the URL.", code="id_conflict", pointer="/data/id"
            )

    def check_action_document(self) -> None:
        """The body of an action may leave out type and id, but not name others."""
        document: Document = self.request.data
        if document.type not in {None, self.resource_type}:
            raise DocumentConflict(f"Expected the type {self.resource_type!r}.", pointer="/data/type")
        if document.id is not None and document.id.lower() != self.kwargs["pk"].lower():
            raise DocumentConflict(
                "The document has another id than the URL.", code="id_conflict", pointer="/data/id"
            )

    def check_read_only(self, document: Document, instance: Any) -> None:
        """A relationship that cannot be written may be sent as it is, or empty for a new one."""
        for name, linkage in document.relationships.items():
            if self.is_writable(name, creating=instance is None):
                continue
            if _normal(linkage) != _normal(self.current_linkage(instance, name)):
                raise ReadOnly(
                    f"The relationship {name!r} cannot be written.",
                    pointer=f"/data/relationships/{name}",
                )

    def is_writable(self, name: str, *, creating: bool) -> bool:
        """Whether a document may set the relationship; what is unknown is refused as input."""
        serializer = self.create_serializer_class if creating else self.update_serializer_class
        return name not in self.relationships or name in getattr(serializer, "links", {})

    def check_if_match(self, version: int) -> None:
        conditional.check_if_match(self.request.headers.get("If-Match"), version)

    def expected_version(self, seen: Any) -> int | None:
        """The version that If-Match demands, to be checked again under the lock."""
        named = self.request.headers.get("If-Match", conditional.ANY).strip() != conditional.ANY
        return int(seen.version) if named else None

    def seen_for_update(self) -> Any:
        """The row to change, once it is certain that the request may change it."""
        instance = self.get_object()
        self.check_if_match(instance.version)
        self.check_document(instance)
        return instance

    # What is answered

    def get_serializer_context(self) -> dict[str, Any]:
        return super().get_serializer_context() | {"origin": links.origin(self.request)}

    def self_link(self, document: Mapping[str, Any]) -> str:
        """The address of what the document holds: of the resource after a change."""
        if self.request.method in {"GET", "HEAD"}:
            return str(self.request.build_absolute_uri(_without_slash(self.request)))
        return str(document["data"]["links"]["self"])

    def resource(self, instance: Any, *, status: int = 200) -> Response:
        """One resource as the answer."""
        serializer = self.get_serializer(instance)
        response = Response(serializer.data, status=status)
        response.version = instance.version  # type: ignore[attr-defined]  # read in label_version
        if status == 201:  # noqa: PLR2004
            start = links.origin(self.request)
            response["Location"] = links.resource_url(start, self.resource_name, instance.pk)
        return response

    def list(self, request: Request) -> Response:
        rows = self.loaded(self.filtered())
        page = paginate(
            rows,
            self.query.page,
            self.requested_order(),
            url=links.origin(request) + request.path.rstrip("/"),
            query={
                name: value
                for name, value in request.query_params.items()
                if not name.startswith("page") and name != "size"
            },
        )
        instances = self.presented(page.rows)
        results = self.get_serializer(instances, many=True).data
        return Response({"results": results, "meta": page.meta, "links": page.links})

    def filtered(self) -> QuerySet[Any]:
        return self.filterset_class.narrowed(self.get_queryset(), self.query.filters)

    def requested_order(self) -> tuple[str, ...]:
        return tuple(
            f"{'-' * name.startswith('-')}{self.sortable[name.removeprefix('-')]}"
            for name in self.query.sort
        ) or tuple(self.ordering)

    def loaded(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with what their representation needs, in a constant number of queries."""
        return rows

    def presented(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The instances to render for the rows of a page."""
        return rows

    def retrieve(self, request: Request, pk: str) -> Response:
        return self.resource(self.get_object())

    def get_object(self) -> Any:
        """The row that the URL names, with what its representation needs; else 404."""
        instance = self.loaded(self.get_queryset()).filter(pk=self.kwargs["pk"]).first()
        if instance is None:
            raise Http404
        return self.presented_one(instance)

    def presented_one(self, instance: Any) -> Any:
        return self.presented([instance])[0]

    # Relationships

    def current_linkage(self, instance: Any, name: str) -> Any:
        """The linkage of a relationship as it stands; None or [] for a resource to be made."""
        if instance is None:
            return None
        field = self.get_serializer_class()().fields[name]
        value = getattr(instance, field.source)
        if hasattr(field, "child_relation"):
            rows = value.all() if hasattr(value, "all") else value
            return [field.child_relation.to_representation(row) for row in rows]
        return None if value is None else field.to_representation(value)

    def relationship(self, request: Request, pk: str, related_field: str) -> Response:
        return self.linkage(self.get_object(), related_field)

    def linkage(self, instance: Any, name: str) -> Response:
        url = links.resource_url(links.origin(self.request), self.resource_type, instance.pk)
        return Response(
            Finished(
                links=links.relationship_links(url, name),
                data=self.current_linkage(instance, name),
            )
        )

    def change_relationship(self, request: Request, pk: str, related_field: str) -> Any:
        """Set a to-one relationship to an identifier or to null."""
        instance = self.get_object()
        self.check_if_match(instance.version)
        if not self.relationships[related_field]:
            raise _not_writable(related_field)
        link = Link(self.linked_type(related_field), "data")
        linked_id = linked(request.data.linkage, link, "/data")
        return self.linkage(self.set_linkage(instance, related_field, linked_id), related_field)

    def linked_type(self, name: str) -> str:
        return str(self.get_serializer_class().included_serializers[name].Meta.resource_name)

    def set_linkage(self, instance: Any, name: str, linked_id: UUID | None) -> Any:
        """Write a relationship that is marked as writable; returns the changed instance."""
        raise NotImplementedError

    def refuse_relationship(self, request: Request, pk: str, related_field: str) -> Any:
        self.get_object()
        raise _not_writable(related_field)

    def related_serializer(self) -> Any:
        included = self.get_serializer_class().included_serializers
        return included[self.kwargs["related_field"]]

    def related(self, request: Request, pk: str, related_field: str) -> Response:
        """The resource at the other end: null when there is none."""
        instance = self.get_object()
        other = getattr(instance, self.get_serializer_class()().fields[related_field].source)
        if other is None:
            return Response(Finished(data=None))
        serializer_class = self.related_serializer()
        self.resource_name = serializer_class.Meta.resource_name
        many = hasattr(other, "__iter__") or hasattr(other, "all")
        rows = list(other.all() if hasattr(other, "all") else other) if many else other
        serializer = serializer_class(rows, many=many, context=self.get_serializer_context())
        response = Response(serializer.data)
        if not many:
            response.version = other.version  # type: ignore[attr-defined]
        return response


@cache
def _fieldsets(serializer: Any, depth: int = 2) -> Mapping[str, Collection[str]]:
    """The field names of every type that can occur in an answer: the same for every request."""
    known: dict[str, Collection[str]] = {serializer.Meta.resource_name: list(serializer().fields)}
    if depth:
        for other in getattr(serializer, "included_serializers", {}).values():
            known = {**_fieldsets(other, depth - 1), **known}
    return known


def _not_writable(name: str) -> ReadOnly:
    return ReadOnly(f"The relationship {name!r} cannot be changed like this.")


def _normal(linkage: Any) -> Any:
    """Linkage for comparison: order and extra members do not matter, empty is empty."""
    if isinstance(linkage, list):
        return {(one["type"], one["id"]) for one in linkage} or None
    return {(linkage["type"], linkage["id"])} if linkage else None


def _without_slash(request: Any) -> str:
    path: str = request.get_full_path()
    start, mark, query = path.partition("?")
    return start.rstrip("/") + mark + query
