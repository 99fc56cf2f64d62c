"""The endpoints of the inventory. Shape only: each action is one domain call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import prefetch_related_objects
from rest_framework.decorators import action
from rest_framework.response import Response

from common.access.permissions import HasScope, check_may
from common.api import links
from common.api.negotiation import HTML
from common.api.openapi.described import described
from common.api.shortcuts import raise_decided
from common.api.views import ResourceView
from inventory import operations, queries
from inventory.api import filters, representation
from inventory.api.explain import AnswersAsOf, stocked_products
from inventory.api.plain_changes import change_of, input_alone
from inventory.api.serializers import (
    InventoryChange,
    InventoryInput,
    InventorySerializer,
    LocationInput,
    LocationSerializer,
    ReorderSettings,
    ReversalInput,
    StockLevelSerializer,
    StockMovementSerializer,
    TransferInput,
    TransferSerializer,
)
from inventory.models import Location, StockLevel, StockMovement, Transfer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from rest_framework.request import Request

    from products.models import Product

StockScope = HasScope.for_methods(read="inventory:read", write="inventory:write")
PLACES = {"product": False, "location": False}
ADJUST, COUNT = "inventory.adjust_stock", "inventory.count_stock"
REVERSE = "inventory.reverse_movement"


class InventoryView(AnswersAsOf):
    """One product's stock over all its locations; its id is the product's."""

    resource_type = "inventory"
    model = StockLevel
    serializer_class = InventorySerializer
    create_serializer_class = InventoryInput
    update_serializer_class = InventoryChange
    permission_classes = [StockScope]
    staff_permissions = {
        "GET": "inventory.view_stocklevel",
        "create": "inventory.add_stocklevel",
        "partial_update": (ADJUST, COUNT),
    }
    filterset_class = filters.InventoryFilters
    includes = ("product", "stock_levels", "stock_levels.location")
    relationships = {"product": False, "stock_levels": False}

    def get_queryset(self) -> QuerySet[Product]:
        return stocked_products()

    def presented(self, rows: Sequence[Product]) -> Sequence[queries.Inventory]:
        found = queries.inventories_of(rows)
        inventories = [found[product.pk] for product in rows]
        if "stock_levels.location" in self.query.include:
            levels = [level for inventory in inventories for level in inventory.stock_levels]
            prefetch_related_objects(levels, "location")
        return inventories

    def create(self, request: Request) -> Response:
        """Give a product its first stock at a location.

        The product by `product_id`, `sku` or relationship; the location by code or id, the
        default one when none is named.
        """
        self.check_document()
        inventory = operations.open_inventory(**self.read_input(InventoryInput))
        return self.resource(inventory, status=201)

    @described(operation_id="adjustInventory", also=(428,))
    def partial_update(self, request: Request, pk: str) -> Response:
        """Add or take units, or set a count.

        `quantity_delta` is a signed number of units. `quantity` is a count, and needs the
        `expected_quantity` that the counter saw, or If-Match; equal to the current quantity it
        changes nothing.
        """
        expected_version = None
        wanted = self.input_alone()
        if wanted is None:
            seen = self.seen_for_update()
            wanted = self.read_input(InventoryChange, current={"product_id": str(seen.pk)})
            expected_version = self.expected_version(seen)
        check_may(request.user, ADJUST if "quantity_delta" in wanted else COUNT)
        raise_decided(request)
        change = change_of(pk, wanted, is_guarded=expected_version is not None)
        (inventory,) = operations.adjust_stock(changes=[change], expected_version=expected_version)
        return self.changed(inventory)

    def input_alone(self) -> dict[str, Any] | None:
        """The input, where nothing has to be read before; see ``plain_changes``."""
        if {"If-Match", "If-None-Match"} & self.request.headers.keys():
            return None
        return input_alone(self.document, self.kwargs["pk"])

    def changed(self, inventory: queries.Inventory) -> Response:
        """The answer to a change, put together without serializers where that is possible."""
        if self.request.query_params or self.request.accepted_media_type == HTML:
            return self.resource(inventory)
        response = Response(representation.document(inventory, links.origin(self.request)))
        response.version = inventory.version  # type: ignore[attr-defined]  # read in label_version
        return response


class LocationView(ResourceView):
    """Places that hold stock."""

    resource_type = "locations"
    model = Location
    queryset = Location.objects.all()
    serializer_class = LocationSerializer
    create_serializer_class = LocationInput
    update_serializer_class = LocationInput
    permission_classes = [StockScope]
    filterset_class = filters.LocationFilters
    sortable = {name: name for name in ("code", "name", "priority", "created_at", "updated_at")}

    def create(self, request: Request) -> Response:
        self.check_document()
        return self.resource(
            operations.create_location(**self.read_input(LocationInput)), status=201
        )

    def partial_update(self, request: Request, pk: str) -> Response:
        seen = self.seen_for_update()
        location = operations.change_location(
            location_id=seen.pk,
            changes=self.read_input(LocationInput, partial=True),
            expected_version=self.expected_version(seen),
        )
        return self.resource(location)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a location that never held stock."""
        seen = self.get_object()
        self.check_preconditions(seen.version)
        operations.delete_location(
            location_id=seen.pk, expected_version=self.expected_version(seen)
        )
        return Response(status=204)


class StockLevelView(ResourceView):
    """Units of one product at one location."""

    resource_type = "stock-levels"
    model = StockLevel
    serializer_class = StockLevelSerializer
    update_serializer_class = ReorderSettings
    permission_classes = [StockScope]
    filterset_class = filters.StockLevelFilters
    includes = ("product", "location")
    sortable = {name: name for name in ("available", "on_hand", "updated_at")}
    relationships = PLACES

    def get_queryset(self) -> QuerySet[StockLevel]:
        return StockLevel.objects.listed()

    def loaded(self, rows: QuerySet[StockLevel]) -> QuerySet[StockLevel]:
        return _with_related(self, rows)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Set when a stock level counts as low, and how much to order then."""
        seen = self.seen_for_update()
        level = operations.set_reorder_settings(
            stock_level_id=seen.pk,
            changes=self.read_input(ReorderSettings, partial=True),
            expected_version=self.expected_version(seen),
        )
        return self.resource(level)


class StockMovementView(ResourceView):
    """The ledger, newest first."""

    resource_type = "stock-movements"
    model = StockMovement
    queryset = StockMovement.objects.all()
    serializer_class = StockMovementSerializer
    permission_classes = [StockScope]
    staff_permissions = {"GET": "inventory.view_stockmovement", "reverse": REVERSE}
    filterset_class = filters.StockMovementFilters
    includes = ("product", "location", "stock_level")
    ordering = ("-pk",)
    cursor_only = True
    relationships = PLACES | {"stock_level": False}

    def requested_order(self) -> tuple[str, ...]:
        """A span of time is walked by time: its start may be millions of rows from the end."""
        names = self.query.filters.keys()
        if names & {"created_at__gte", "created_at__lt"} and not names & {"product", "reference"}:
            return ("-created_at", "-pk")
        return super().requested_order()

    def loaded(self, rows: QuerySet[StockMovement]) -> QuerySet[StockMovement]:
        return _with_related(self, rows)

    @action(detail=True, methods=["post"])
    @described(takes=ReversalInput, status=201)
    def reverse(self, request: Request, pk: str) -> Response:
        """Write the opposite movement, once."""
        seen = self.seen_for_action()
        wanted = self.read_input(ReversalInput)
        opposite = operations.reverse_movement(movement_id=seen.pk, **wanted)
        return self.resource(opposite, status=201)


class TransferView(ResourceView):
    """Moves of stock between two locations."""

    resource_type = "transfers"
    model = Transfer
    queryset = Transfer.objects.prefetch_related("movements")
    serializer_class = TransferSerializer
    create_serializer_class = TransferInput
    permission_classes = [StockScope]
    staff_permissions = {
        "GET": "inventory.view_transfer",
        "create": "inventory.transfer_stock",
        "reverse": REVERSE,
    }
    filterset_class = filters.TransferFilters
    includes = ("product", "from_location", "to_location", "movements")
    ordering = ("-pk",)
    cursor_only = True
    relationships = {
        "product": False,
        "from_location": False,
        "to_location": False,
        "movements": False,
    }

    def loaded(self, rows: QuerySet[Transfer]) -> QuerySet[Transfer]:
        return _with_related(self, rows)

    def create(self, request: Request) -> Response:
        """Move units of a product from one location to another.

        Both movements are written, or none.
        """
        self.check_document()
        transfer = operations.transfer_stock(**self.read_input(TransferInput))
        return self.resource(transfer, status=201)

    @action(detail=True, methods=["post"])
    @described(takes=ReversalInput, status=201)
    def reverse(self, request: Request, pk: str) -> Response:
        """Move the units back, once."""
        seen = self.seen_for_action()
        wanted = self.read_input(ReversalInput)
        opposite = operations.reverse_transfer(transfer_id=seen.pk, **wanted)
        return self.resource(opposite, status=201)


def _with_related(view: ResourceView, rows: QuerySet[Any]) -> QuerySet[Any]:
    """The rows with the to-one relationships that the request includes or asks for."""
    asked: set[str] = {*view.query.include, view.kwargs.get("related_field", "")}
    to_one = {"product", "location", "stock_level", "from_location", "to_location"}
    wanted = sorted(asked & to_one & set(view.relationships))
    if "stock_level" in wanted:
        wanted.append("stock_level__product")  # which tells whether it is still to be seen
    return rows.select_related(*wanted) if wanted else rows
