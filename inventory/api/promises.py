"""The endpoints of supply that is on its way, and of stock that is promised."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from rest_framework.decorators import action
from rest_framework.response import Response

from common.access.permissions import HasScope, check_may
from common.api.bodies import ReadsDocuments
from common.api.filters import Filters
from common.api.openapi.described import described
from common.api.views import ResourceView
from inventory import operations, queries
from inventory.api import filters
from inventory.api.promise_serializers import (
    AvailabilityInput,
    AvailabilitySerializer,
    BatchChanges,
    BatchInput,
    BatchSerializer,
    ExtensionInput,
    NoInput,
    ReceiptInput,
    ReservationInput,
    ReservationSerializer,
    ShipmentInput,
)
from inventory.api.views import StockScope
from inventory.models import Batch, Reservation, StockLevel
from inventory.operations import Wanted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from rest_framework.permissions import BasePermission
    from rest_framework.request import Request

HoldScope = HasScope.for_methods(read="inventory:read", write="reservations:write")
RECEIVE: Final = "inventory.receive_batch"
AskScope = HasScope.for_methods(read="inventory:read", write="inventory:read")


class BatchView(ResourceView):
    """Units that were ordered, and have arrived or not."""

    resource_type = "batches"
    model = Batch
    queryset = Batch.objects.all()
    serializer_class = BatchSerializer
    create_serializer_class = BatchInput
    update_serializer_class = BatchChanges
    permission_classes = [StockScope]
    staff_permissions = {
        "GET": "inventory.view_batch",
        "create": "inventory.add_batch",
        "partial_update": "inventory.change_batch",
        "receive": RECEIVE,
    }
    filterset_class = filters.BatchFilters
    includes = ("product", "location")
    sortable = {name: name for name in ("eta", "created_at")}
    relationships = {"product": False, "location": False}

    def loaded(self, rows: QuerySet[Batch]) -> QuerySet[Batch]:
        asked = {*self.query.include, self.kwargs.get("related_field", "")}
        wanted = sorted(asked & set(self.relationships))
        return rows.select_related(*wanted) if wanted else rows

    def create(self, request: Request) -> Response:
        """Order units of a product for a location.

        Without an `eta` they are received at once, for which staff need that permission too.
        """
        self.check_document()
        wanted = self.read_input(BatchInput)
        if wanted.get("eta") is None:
            check_may(request.user, RECEIVE)
        return self.resource(operations.create_batch(**wanted), status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        """Change the quantity or the ETA of a batch, or cancel it.

        Where less will come than is promised, the latest promises look for other supply at once.
        """
        seen = self.seen_for_update()
        batch = operations.change_batch(
            batch_id=seen.pk,
            changes=self.read_input(
                BatchChanges, partial=True, current={"reference": seen.reference}
            ),
            expected_version=self.expected_version(seen),
        )
        return self.resource(batch)

    @action(detail=True, methods=["post"])
    @described(takes=ReceiptInput)
    def receive(self, request: Request, pk: str) -> Response:
        """Put what has arrived on the shelf."""
        seen = self.seen_for_action()
        batch = operations.receive_batch(
            batch_id=seen.pk,
            expected_version=self.expected_version(seen),
            **self.read_input(ReceiptInput),
        )
        return self.resource(batch)


class ReservationView(ResourceView):
    """Holds of stock for orders."""

    resource_type = "reservations"
    model = Reservation
    queryset = Reservation.objects.all()
    serializer_class = ReservationSerializer
    create_serializer_class = ReservationInput
    permission_classes = [HoldScope]
    staff_permissions = {
        "GET": "inventory.view_reservation",
        "create": "inventory.add_reservation",
        "confirm": "inventory.change_reservation",
        "extend": "inventory.extend_reservation",
        "release": "inventory.release_reservation",
        "ship": "inventory.change_reservation",
    }
    filterset_class = filters.ReservationFilters
    sortable = {name: name for name in ("created_at", "expires_at")}

    def get_permissions(self) -> Sequence[BasePermission]:
        """Whoever may hold stock may not take it from the shelf."""
        return [StockScope()] if self.action == "ship" else [HoldScope()]

    def presented(self, rows: Sequence[Reservation]) -> Sequence[queries.Held]:
        return queries.held_all(rows)

    @described(or_found=True)
    def create(self, request: Request) -> Response:
        """Hold stock for an order: all lines, or none.

        The same order reference with the same lines gives the reservation that is there.
        """
        self.check_document()
        wanted = self.read_input(ReservationInput)
        wanted["lines"] = named_lines(wanted["lines"])
        held, is_new = operations.reserve(**_with_time(wanted))
        return self.resource(held, status=201 if is_new else 200)

    @action(detail=True, methods=["post"])
    @described(takes=NoInput)
    def confirm(self, request: Request, pk: str) -> Response:
        """Keep what is held: the order is certain."""
        return self.resource(operations.confirm(**self.read_action(NoInput)))

    @action(detail=True, methods=["post"])
    @described(takes=ExtensionInput)
    def extend(self, request: Request, pk: str) -> Response:
        """Let a hold last longer, counted from now."""
        wanted = self.read_action(ExtensionInput)
        return self.resource(operations.extend(**_with_time(wanted)))

    @action(detail=True, methods=["post"])
    @described(takes=NoInput)
    def release(self, request: Request, pk: str) -> Response:
        """Let go of what is held and has not been shipped."""
        return self.resource(operations.release(**self.read_action(NoInput)))

    @action(detail=True, methods=["post"])
    @described(takes=ShipmentInput)
    def ship(self, request: Request, pk: str) -> Response:
        """Send off what is held, or a part of it. Needs the scope `inventory:write` instead."""
        wanted = self.read_action(ShipmentInput)
        if "lines" in wanted:
            wanted["lines"] = named_lines(wanted["lines"])
        return self.resource(operations.ship(**wanted))

    def read_action(self, serializer_class: Any) -> dict[str, Any]:
        """The input of an action on a reservation that is there, as the client has seen it."""
        seen = self.seen_for_action()
        return self.read_input(serializer_class) | {
            "reservation_id": seen.pk,
            "expected_version": self.expected_version(seen),
        }


class AvailabilityView(ReadsDocuments):
    """What could be promised, without holding it."""

    resource_type = "availability"
    model = StockLevel
    serializer_class = AvailabilitySerializer
    create_serializer_class = AvailabilityInput
    permission_classes = [AskScope]
    filterset_class = Filters
    staff_permissions = {"create": "inventory.view_stocklevel"}

    @described(operation_id="getAvailability", is_meta=True)
    def create(self, request: Request) -> Response:
        """Tell what could be promised now, and by when.

        Nothing is held. Holds that are past their time count as free.
        """
        self.check_document()
        wanted = self.read_input(AvailabilityInput)
        lines = operations.summed(named_lines(wanted["lines"])).values()
        found = queries.availability(lines, with_incoming=wanted["allow_incoming"])
        return Response({"meta": AvailabilitySerializer(found).data})


def named_lines(lines: Sequence[dict[str, Any]]) -> list[Wanted]:
    """Lines of a request, each with its place in it."""
    return [Wanted(place=f"lines/{index}", **line) for index, line in enumerate(lines)]


def _with_time(wanted: dict[str, Any]) -> dict[str, Any]:
    return wanted | {"expires_in": timedelta(seconds=wanted["expires_in"])}
