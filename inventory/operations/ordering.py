"""Ordering for several stock levels together."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import UUID

from common.database import in_transaction
from common.errors import DomainError, Duplicate, NotFound, together
from inventory.models import Batch
from inventory.operations.batches import create_batch
from inventory.operations.ledger import Ledger
from inventory.operations.naming import living_product, location_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import date


@dataclass(frozen=True, slots=True)
class Order:
    """So many units of a product for a location, under a reference of their own, by a day."""

    product_id: UUID
    location_id: UUID
    reference: str
    quantity: int
    eta: date


@in_transaction
def create_batches(*, orders: Sequence[Order]) -> list[Batch]:
    """Order all of it, a batch for each, or nothing. Returns the batches in the same order.

    Refuses with Duplicate and NotFound, naming every order that is refused by its place
    (``orders/0/reference``), before the first write.

    Locks: products and locations against deletion, then the levels of all products at once
    (docs/locking.md).
    """
    _check_references(orders)
    _keep(orders)
    Ledger.locked({order.product_id for order in orders})
    return [
        create_batch(
            reference=order.reference,
            quantity=order.quantity,
            product_id=order.product_id,
            location=str(order.location_id),
            eta=order.eta,
        )
        for order in orders
    ]


def _check_references(orders: Sequence[Order]) -> None:
    times = Counter(order.reference for order in orders)
    known = Batch.objects.filter(reference__in=times).values_list("reference", flat=True)
    taken = {*known, *(reference for reference, count in times.items() if count > 1)}
    refusals = [
        Duplicate(f"The reference {order.reference} is taken.", attribute=f"orders/{n}/reference")
        for n, order in enumerate(orders)
        if order.reference in taken
    ]
    if refusals:
        raise together(refusals)


def _keep(orders: Sequence[Order]) -> None:
    """Keep what the orders are for, in the order of the keys, or refuse what has been deleted."""
    refusals = dict[UUID, DomainError]()
    for product_id in sorted({order.product_id for order in orders}):
        try:
            living_product(product_id)
        except NotFound as refusal:
            refusals[product_id] = refusal
    for location_id in sorted({order.location_id for order in orders}):
        location_named(str(location_id))
    told: list[DomainError] = [
        NotFound(refusals[order.product_id].detail, attribute=f"orders/{n}/product_id")
        for n, order in enumerate(orders)
        if order.product_id in refusals
    ]
    if told:
        raise together(told)
