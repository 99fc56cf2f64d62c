"""What of a reservation leaves the shelf: decided for all of its lines, and then carried out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.errors import DomainError, together
from inventory.errors import ExceedsOrdered, NotOnHand
from inventory.models import Allocation, ReservationLine
from inventory.operations.ledger import Ledger, Why
from inventory.operations.lines import Wanted, summed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Parcel:
    """So many units of a line, which are promised on these shelves."""

    line: ReservationLine
    quantity: int
    shelves: Sequence[Allocation]


def packed(
    ledger: Ledger, own: Sequence[ReservationLine], lines: Sequence[Wanted] | None
) -> list[Parcel]:
    """What to send: all that is outstanding of a reservation's lines, or these.

    Refuses with NotFound, and with ExceedsOrdered and NotOnHand together, naming every line.
    """
    wanted = _outstanding(ledger, own) if lines is None else summed(lines).values()
    by_product = {line.product_id: line for line in own}
    shelves = _shelves(own)
    parcels: list[Parcel] = []
    refusals: list[DomainError] = []
    for one in wanted:
        line = by_product.get(one.product_id)  # type: ignore[arg-type]  # known by now
        try:
            parcels.append(_parcel(one, line, shelves.get(line.pk, []) if line else []))
        except (ExceedsOrdered, NotOnHand) as refusal:
            refusals.append(refusal)
    if refusals:
        raise together(refusals)
    return parcels


def send(ledger: Ledger, parcel: Parcel, reference: str) -> None:
    """Take the units of a parcel from its shelves."""
    parcel.line.shipped += parcel.quantity
    left = parcel.quantity
    for allocation in parcel.shelves:
        part = min(left, allocation.quantity)
        if not part:
            return
        level = ledger.promises.ship(allocation, part)
        ledger.move(level, -part, Why("shipment", reference))
        left -= part


def _outstanding(ledger: Ledger, own: Iterable[ReservationLine]) -> list[Wanted]:
    return [
        Wanted(
            line.quantity - line.shipped,
            product_id=line.product_id,
            sku=ledger.product(line.product_id).sku,
            place="",
        )
        for line in own
        if line.shipped < line.quantity
    ]


def _shelves(own: Iterable[ReservationLine]) -> dict[UUID, list[Allocation]]:
    """What is promised on hand to each of these lines."""
    rows = Allocation.objects.filter(line__in=own).exclude(stock_level=None)
    found: dict[UUID, list[Allocation]] = {}
    for allocation in rows.select_related("line").order_by("pk"):
        found.setdefault(allocation.line_id, []).append(allocation)
    return found


def _parcel(wanted: Wanted, line: ReservationLine | None, shelves: Sequence[Allocation]) -> Parcel:
    """So much of a line, where no more is wanted than is outstanding and on hand for it."""
    place = f"{wanted.place}/quantity" if wanted.place else None
    outstanding = line.quantity - line.shipped if line else 0
    if line is None or wanted.quantity > outstanding:
        raise ExceedsOrdered(
            f"{outstanding} of {wanted.sku} are outstanding.",
            attribute=place,
            outstanding=outstanding,
        )
    on_hand = sum(allocation.quantity for allocation in shelves)
    if wanted.quantity > on_hand:
        raise NotOnHand(
            f"{on_hand} of {wanted.sku} are on hand for this order; the others have not arrived.",
            attribute=place,
            on_hand=on_hand,
            requested=wanted.quantity,
            sku=wanted.sku,
        )
    return Parcel(line, wanted.quantity, shelves)
