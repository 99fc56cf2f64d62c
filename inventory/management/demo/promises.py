"""What is on its way to the small shop, and what it has promised."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final, NamedTuple

from inventory import operations
from inventory.models import StockLevel
from inventory.operations import Wanted

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet
    from datetime import date
    from uuid import UUID


class Ordered(NamedTuple):
    """A batch, and in how many days it is due; with a minus it is late."""

    reference: str
    sku: str
    quantity: int
    days: int


MUG: Final = "MUG-HARBOUR-350"
PRESS: Final = "PRESS-NORDLYS-8"
GRINDER: Final = "GRINDER-KESTREL"
BATCHES: Final = (
    Ordered("PO-2038", "TENT-RIDGE-2P", 8, -2),
    Ordered("PO-2041", PRESS, 24, 4),
    Ordered("PO-2042", GRINDER, 20, 11),
)


def fill(today: date, skus: AbstractSet[str]) -> None:
    """Order and promise what there is of these articles: some are late, some wait for goods."""
    for batch in BATCHES:
        if batch.sku in skus:
            operations.create_batch(
                reference=batch.reference,
                sku=batch.sku,
                quantity=batch.quantity,
                eta=today + timedelta(days=batch.days),
            )
    if skus >= {MUG, PRESS, GRINDER}:
        first = _held("ORDER-5101", [Wanted(2, sku=MUG), Wanted(1, sku=PRESS)])
        operations.confirm(reservation_id=first)
        levels = StockLevel.objects.filter(product__sku=GRINDER)
        on_hand = sum(level.on_hand - level.reserved for level in levels)
        _held("ORDER-5102", [Wanted(on_hand + 2, sku=GRINDER), Wanted(4, sku=MUG)])


def _held(order_reference: str, lines: list[Wanted]) -> UUID:
    held, _ = operations.reserve(
        order_reference=order_reference,
        lines=lines,
        expires_in=timedelta(days=7),
        allow_incoming=True,
    )
    return held.pk
