"""The one base of every endpoint: collections and resources."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.http import Http404
from rest_framework.response import Response

from common.api import filters, links, parameters
from common.api.negotiation import JSONAPI
from common.api.pagination import paginate
from common.api.relationships import HasRelationships
from common.api.requests import FETCHING
from common.api.resources import Builder, fieldsets
from common.replica.reading import tolerating_lag

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request

    from common.api.openapi.components import Schema


class ResourceView(HasRelationships):
    """One JSON:API resource type. Subclasses say what it has; each action is one domain call.

    ``includes`` are the relationship paths a client may include, ``sortable`` the attributes a
    collection may be sorted by (with the column behind them), ``relationships`` the names that
    have URLs of their own, and whether a client may write them.
    """

    includes: ClassVar[Collection[str]] = ()
    sortable: ClassVar[Mapping[str, str]] = {}
    ordering: ClassVar[Sequence[str]] = ("pk",)
    filterset_class: ClassVar[type[filters.Filters]] = filters.Filters
    own_parameters: ClassVar[Mapping[str, Schema]] = {}
    """Parameters that only this view's single resource has, as OpenAPI describes them."""
    more_meta: ClassVar[Schema] = {}
    """Members of a collection's ``meta`` beside those of the page, as OpenAPI describes them."""
    cursor_only: ClassVar[bool] = False
    is_endless: ClassVar[bool] = False
    """More is to come: the last page has a next one too."""
    may_lag: ClassVar[bool] = True
    """A collection may be read from a replica, where there is one."""

    def allowed_parameters(self) -> parameters.Allowed:
        if self.takes_linkage or self.action in {"destroy", "relationship"}:
            return parameters.Allowed()
        if self.action == "related":
            return parameters.Allowed(fields=fieldsets(self.related_serializer()))
        return parameters.Allowed(
            includes=self.includes,
            fields=fieldsets(self.get_serializer_class()),
            filters=self.filterset_class.base_filters,
            sort=self.sortable,
            own_parameters=self.own_parameters if self.action == "retrieve" else (),
            is_collection=self.action == "list",
            cursor_only=self.cursor_only,
            plain_pages=JSONAPI not in self.request.headers.get("Accept", "").lower(),
        )

    # One resource

    def retrieve(self, request: Request, pk: str) -> Any:
        return self.resource(self.get_object())

    def get_object(self) -> Any:
        """The row that the URL names, with what its representation needs; else 404."""
        instance = self.loaded(self.get_queryset()).filter(pk=self.kwargs["pk"]).first()
        if instance is None:
            raise Http404
        return self.presented_one(instance)

    def resource(self, instance: Any, *, status: int = 200) -> Response:
        """One resource as the answer: at this address, or at its own after a change."""
        data = self.builder.resource(self.get_serializer_class(), instance)
        own = data["links"]["self"]
        here = links.own(self.request) if self.request.method in FETCHING else own
        response = Response(
            {"links": {"self": here}, "data": data, **self.included([instance])}, status=status
        )
        response.version = instance.version  # type: ignore[attr-defined]  # for the ETag
        if status == 201:  # noqa: PLR2004
            response["Location"] = own
        return response

    # A collection

    def list(self, request: Request) -> Response:
        if self.may_lag:
            return tolerating_lag(request.user, lambda: self.collection(request))
        return self.collection(request)

    def collection(self, request: Request) -> Response:
        """The page that is asked for; reads only, and may be called again on another database."""
        page = paginate(
            self.loaded(self.filtered()),
            self.query.page,
            self.requested_order(),
            url=links.address(request),
            query=parameters.without_paging(request.query_params),
            is_endless=self.is_endless,
        )
        instances = self.presented(page.rows)
        serializer_class = self.get_serializer_class()
        return Response(
            {
                "links": {"self": links.own(request), **page.links},
                "data": [self.builder.resource(serializer_class, one) for one in instances],
                **self.included(instances),
                "meta": page.meta,
            }
        )

    def filtered(self) -> QuerySet[Any]:
        return self.filterset_class.narrowed(self.get_queryset(), self.query.filters)

    def requested_order(self) -> tuple[str, ...]:
        return tuple(
            f"{'-' * name.startswith('-')}{self.sortable[name.removeprefix('-')]}"
            for name in self.query.sort
        ) or tuple(self.ordering)

    # Both

    @property
    def builder(self) -> Builder:
        return Builder(self.origin, self.query.fields)

    def included(self, instances: Sequence[Any]) -> dict[str, Any]:
        """The member ``included``: there whenever the request speaks of it, even if empty."""
        if not self.query.is_compound:
            return {}
        found = self.builder.included(self.get_serializer_class(), instances, self.query.include)
        return {"included": found}

    def loaded(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The rows with what their representation needs, in a constant number of queries."""
        return rows

    def presented(self, rows: Sequence[Any]) -> Sequence[Any]:
        """The instances to render for the rows of a page."""
        return rows

    def presented_one(self, instance: Any) -> Any:
        return self.presented([instance])[0]
