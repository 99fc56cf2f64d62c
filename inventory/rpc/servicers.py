"""Stock over gRPC: each method is one call of the domain, as each endpoint is."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from common.access.scopes import Scope
from common.rpc.calls import Call, method
from common.rpc.messages import id_in, read_input
from inventory import operations, queries
from inventory.api.plain_changes import change_of
from inventory.api.promise_serializers import AvailabilityInput, ReservationInput
from inventory.api.promises import named_lines
from inventory.api.serializers import InventoryChange
from inventory.rpc import telling
from inventory.rpc.proto import inventory_v1_pb2 as wire
from inventory.rpc.proto import inventory_v1_pb2_grpc

if TYPE_CHECKING:
    import grpc


class Inventory:
    """``inventory.v1.InventoryService``."""

    @method(Scope.INVENTORY_READ)
    def Availability(self, request: Any, _call: Call) -> Any:
        """What could be promised now, and by when. Holds that are past their time count as free."""
        wanted = read_input(AvailabilityInput, request)
        lines = operations.summed(named_lines(wanted["lines"])).values()
        found = queries.availability(lines, with_incoming=wanted["allow_incoming"])
        return telling.availability(found)

    @method(Scope.RESERVATIONS_WRITE, writes=True)
    def Reserve(self, request: Any, _call: Call) -> Any:
        """Hold stock for an order: all lines, or none."""
        wanted = read_input(ReservationInput, request)
        held, is_new = operations.reserve(
            order_reference=wanted["order_reference"],
            lines=named_lines(wanted["lines"]),
            expires_in=timedelta(seconds=wanted["expires_in"]),
            allow_incoming=wanted["allow_incoming"],
        )
        return wire.ReserveResponse(reservation=telling.reservation(held), created=is_new)

    @method(Scope.RESERVATIONS_WRITE, writes=True)
    def Confirm(self, request: Any, _call: Call) -> Any:
        """Keep what is held: the order is certain."""
        held = operations.confirm(reservation_id=id_in(request, "reservation_id"))
        return wire.ConfirmResponse(reservation=telling.reservation(held))

    @method(Scope.RESERVATIONS_WRITE, writes=True)
    def Release(self, request: Any, _call: Call) -> Any:
        """Let go of what is held and has not been shipped."""
        held = operations.release(reservation_id=id_in(request, "reservation_id"))
        return wire.ReleaseResponse(reservation=telling.reservation(held))

    @method(Scope.INVENTORY_WRITE, writes=True)
    def Adjust(self, request: Any, _call: Call) -> Any:
        """Add or take units, or set a count that says what the counter saw."""
        product_id = id_in(request, "product_id")
        wanted = read_input(InventoryChange, request, "product_id")
        (inventory,) = operations.adjust_stock(changes=[change_of(str(product_id), wanted)])
        return wire.AdjustResponse(inventory=telling.inventory(inventory))


def add_to(server: grpc.Server) -> list[str]:
    """Add the service; returns its name."""
    inventory_v1_pb2_grpc.add_InventoryServiceServicer_to_server(Inventory(), server)
    return [wire.DESCRIPTOR.services_by_name["InventoryService"].full_name]
