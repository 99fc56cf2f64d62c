"""What is known of stock, as messages: the values that the API over HTTP gives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from common.rpc.messages import filled
from inventory.api import representation
from inventory.api.promise_serializers import AvailabilitySerializer, ReservationSerializer
from inventory.rpc.proto import inventory_v1_pb2 as wire

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inventory import queries

L = TypeVar("L", wire.HeldLine, wire.AvailableLine)


def availability(found: queries.Availability) -> wire.AvailabilityResponse:
    told = AvailabilitySerializer(found).data
    lines = [_line(wire.AvailableLine, line) for line in told["lines"]]
    return wire.AvailabilityResponse(lines=lines, promise_date=told["promise_date"])


def reservation(held: queries.Held) -> wire.Reservation:
    told = ReservationSerializer(held).data
    lines = [_line(wire.HeldLine, line) for line in told["lines"]]
    return filled(wire.Reservation, {**told, "id": str(held.pk), "lines": lines})


def inventory(found: queries.Inventory) -> wire.Inventory:
    return filled(wire.Inventory, representation.document(found, "")["data"]["attributes"])


def _line(kind: type[L], told: Mapping[str, Any]) -> L:
    allocations = [filled(wire.Allocation, share) for share in told["allocations"]]
    return filled(kind, {**told, "allocations": allocations})
