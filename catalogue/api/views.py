"""The catalogue: what there is, what it costs, how many are available, and where."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar, Final

from rest_framework.fields import DateTimeField

from catalogue import searching
from catalogue.api import described, waiting
from catalogue.api.described import FACETS_WANTED, MIN_SEQUENCE
from catalogue.api.filters import CatalogueFilters
from catalogue.api.serializers import CatalogueEntrySerializer
from catalogue.engines import engine
from catalogue.facets import FACETS, facets_of
from catalogue.models import Document, Place, Shelf
from catalogue.routing import is_configured
from catalogue.standing import standing
from common.access.permissions import HasScope, check_scope
from common.api.errors import InvalidParameter
from common.api.views import ResourceView

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rest_framework.request import Request
    from rest_framework.response import Response

    from catalogue.models import DocumentQuerySet
    from common.access.verification import Client
    from common.api.parameters import Allowed

instants: Final = DateTimeField()


class CatalogueScope(HasScope):
    """Documents tell of products and of their stock: a program needs to be allowed both."""

    read_scope = "inventory:read"
    write_scope = "inventory:write"

    def _allow_client(self, client: Client, method: str | None) -> bool:
        check_scope(client, "products:read")
        return super()._allow_client(client, method)


class CatalogueView(ResourceView):
    """Products with their stock; the id is the product's."""

    resource_type = "catalogue"
    model = Document
    serializer_class = CatalogueEntrySerializer
    permission_classes = [CatalogueScope]
    staff_permissions: ClassVar = {"GET": "inventory.view_stocklevel"}
    filterset_class = CatalogueFilters
    sortable = {"name": "name_order"} | {
        name: name for name in ("available", "price", "popularity")
    }
    may_lag = not is_configured()  # a replica of PostgreSQL has no documents then
    more_meta = described.META
    own_parameters = described.PARAMETERS

    def allowed_parameters(self) -> Allowed:
        allowed = super().allowed_parameters()
        if self.action == "list":
            return replace(allowed, own_parameters=self.own_parameters)
        return replace(allowed, own_parameters=[MIN_SEQUENCE])

    def get_queryset(self) -> DocumentQuerySet:
        return Document.objects.shown()

    def list(self, request: Request) -> Response:
        """Search the catalogue.

        What has happened shows here a moment later: `meta.as_of` says up to which event. Needs
        the scope `products:read`, too.
        """
        facets = self.facets()
        # A replica may be behind what was waited for.
        read = self.collection if self.waited(request) else super().list
        with engine.seat(), engine.reached():
            response = read(request)
            if facets:
                found: Any = self.filtered()
                page = response.data["meta"]["page"]
                are_few = "total" in page and "total_is_estimate" not in page
                response.data["meta"]["facets"] = facets_of(found, facets, are_few=are_few)
        return response

    def collection(self, request: Request) -> Response:
        shown = standing()
        response = super().collection(request)
        moment = shown.occurred_at and instants.to_representation(shown.occurred_at)
        response.data["meta"]["as_of"] = {"sequence": shown.sequence, "occurred_at": moment}
        return response

    def retrieve(self, request: Request, pk: str) -> Any:
        """Get a product with its stock.

        As it was a moment ago. Needs the scope `products:read`, too.
        """
        self.waited(request)
        with engine.seat(), engine.reached():
            return super().retrieve(request, pk)

    def waited(self, request: Request) -> bool:
        """Whether the documents have come as far as the client wants, who wanted that."""
        text = self.query.own_parameters.get(MIN_SEQUENCE)
        if text is None:
            return False
        waiting.wait_until(waiting.read_sequence(text), waiting.preferred_wait(request))
        return True

    def facets(self) -> Sequence[str]:
        """The facets that are asked for, each of them known."""
        text = self.query.own_parameters.get(FACETS_WANTED)
        names = [] if text is None else text.split(",")
        if unknown := set(names) - FACETS.keys():
            advice = f"There is no facet {min(unknown)!r}: ask for {', '.join(FACETS)}."
            raise InvalidParameter(advice, parameter=FACETS_WANTED)
        return names

    def loaded(self, rows: Any) -> Any:
        """Of a search without a wish for an order, the best."""
        if self.action == "list" and self.is_ranked:
            return searching.best_of(rows, self.query.filters["search"])
        return rows

    def requested_order(self) -> tuple[str, ...]:
        return ("-rank", "-popularity", "-pk") if self.is_ranked else super().requested_order()

    @property
    def is_ranked(self) -> bool:
        return "search" in self.query.filters and not self.query.sort

    def presented(self, rows: Sequence[Document]) -> Sequence[Document]:
        """With the names of categories and locations, in a query for each."""
        shelves = Shelf.objects.in_bulk([one.category_id for one in rows if one.category_id])
        named = {line["location"] for document in rows for line in document.locations}
        codes = {str(place.pk): place.code for place in Place.objects.filter(pk__in=named)}
        for document in rows:
            found: Any = document
            shelf = shelves.get(document.category_id) if document.category_id else None
            found.category_path = shelf.path if shelf else []
            found.places = [
                line | {"location": codes.get(line["location"], line["location"])}
                for line in document.locations
            ]
        return rows
