"""Locking what several operations on stock are about, before the first of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from zlib import crc32

from django.db import connection
from django.db.models import Q

from common.bulkhead import lock_queue
from common.database import in_transaction
from inventory.models import (
    Batch,
    Location,
    Reservation,
    ReservationLine,
    StockLevel,
    StockMovement,
    Transfer,
)
from inventory.operations.ledger import Ledger
from inventory.operations.reservations import product_ids
from inventory.operations.reserving import ORDERS
from inventory.querysets import OPEN
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable
    from uuid import UUID

KEEP: Final = """
SELECT FROM inventory_location WHERE id = ANY(%s::uuid[]) OR code = ANY(%s::text[])
ORDER BY id FOR KEY SHARE
"""
"""As ``Location.objects.kept`` does it, for several at once."""
ONE_BY_ONE: Final = "SELECT pg_advisory_xact_lock(%s, number) FROM unnest(%s::int[]) AS number"
OF_PRODUCTS: Final = {
    "levels": StockLevel,
    "movements": StockMovement,
    "transfers": Transfer,
    "batches": Batch,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Concerned:
    """What some operations name, by ids or by what else they are called; it need not exist."""

    product_ids: Collection[UUID]
    skus: Collection[str]
    places: Collection[str]
    """Locations that stock is to be at, by code or id."""
    place_ids: Collection[UUID]
    """The ids among those."""
    order_references: Collection[str]
    changed_locations: Collection[UUID]
    codes_stay: bool
    """Whether all of those stay, with their codes."""
    levels: Collection[UUID]
    movements: Collection[UUID]
    transfers: Collection[UUID]
    batches: Collection[UUID]
    reservations: Collection[UUID]


@in_transaction
def lock_stock(concerned: Concerned) -> set[Hashable]:
    """Lock all of it, and the levels of all its products, as far as it exists.

    Returns the keys under which these locks are waited for (``common.bulkhead``).

    Locks: the locations, order references, reservations, levels (docs/locking.md).
    """
    _lock_locations(concerned)
    _lock_orders(concerned.order_references)
    reservations = _locked_reservations(concerned)
    products = _products_of(concerned) | product_ids(*reservations)
    if products:
        Ledger.locked(products, with_deleted=True)
    places = {place.lower() for place in concerned.places}
    return {*products, *places, *concerned.changed_locations, *concerned.levels}


def _lock_locations(concerned: Concerned) -> None:
    """Those that change; and those that get stock, against deletion at least."""
    changed, codes = concerned.changed_locations, [code.lower() for code in concerned.places]
    with lock_queue.place(*changed, *codes):
        if changed:
            named = Q(pk__in={*changed, *concerned.place_ids}) | Q(code__in=codes)
            list(Location.objects.filter(named).locked(no_key=concerned.codes_stay))
        elif codes:
            with connection.cursor() as cursor:
                cursor.execute(KEEP, [list(concerned.place_ids), codes])


def _lock_orders(order_references: Collection[str]) -> None:
    """As who reserves for one of them does it, in the order of their numbers."""
    if order_references:
        numbers = sorted({crc32(text.encode()) - 2**31 for text in order_references})
        with connection.cursor() as cursor:
            cursor.execute(ONE_BY_ONE, [ORDERS, numbers])


def _locked_reservations(concerned: Concerned) -> list[Reservation]:
    """Those that are named, and those that are open for an order that is named."""
    if not (concerned.reservations or concerned.order_references):
        return []
    of_orders = Q(order_reference__in=concerned.order_references, status__in=OPEN)
    rows = Reservation.objects.filter(Q(pk__in=concerned.reservations) | of_orders)
    return list(rows.locked())


def _products_of(concerned: Concerned) -> set[UUID]:
    found = set(concerned.product_ids)
    if concerned.skus:
        skus = {sku.upper() for sku in concerned.skus}
        found.update(Product.objects.living().filter(sku__in=skus).values_list("pk", flat=True))
    if concerned.changed_locations:  # one that supplies again gives to the lines that wait
        levels = {"product__stock_levels__location__in": concerned.changed_locations}
        waiting = ReservationLine.objects.filter(unallocated__gt=0, **levels)
        found.update(waiting.values_list("product_id", flat=True))
    for name, model in OF_PRODUCTS.items():
        if ids := getattr(concerned, name):
            rows = model.objects.filter(pk__in=ids)  # type: ignore[attr-defined]  # each has one
            found.update(rows.values_list("product_id", flat=True))
    return found
