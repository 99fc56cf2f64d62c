"""What decides how much to order, read for many stock levels at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import Q, Sum
from django.utils import timezone

from inventory.models import Batch, Replenishment, ReservationLine, StockLevel
from inventory.queries.cover import sold_of
from inventory.querysets import is_held
from inventory.rules.reordering import Demand
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from django.db.models import QuerySet

    Place = tuple[UUID, UUID]


def to_order_for() -> QuerySet[Any]:
    """The low levels of products that are not deleted nor archived, at active locations."""
    rows = Replenishment.objects.listed().low().filter(location__is_active=True)
    return rows.exclude(product__status=Product.Status.ARCHIVED)


def snoozed() -> Q:
    """Levels that nobody wants to be reminded of today."""
    return Q(snoozed_until__gt=timezone.now().date())


def demands(levels: Collection[StockLevel]) -> dict[UUID, Demand]:
    """The demand on each of these levels, in four queries at most; they have reorder points."""
    products = {level.product_id for level in levels}
    sold = sold_of([level.pk for level in levels])
    promised, waiting = _promised(products), _waiting(products)
    return {
        level.pk: Demand(
            available=level.available,
            reorder_point=level.reorder_point or 0,
            reorder_quantity=level.reorder_quantity,
            safety_stock=level.safety_stock,
            incoming=level.incoming,
            promised=promised.get((level.product_id, level.location_id), 0),
            waiting=waiting.get(level.pk, 0),
            sold=sold.get(level.pk, 0),
        )
        for level in levels
    }


def _promised(product_ids: Collection[UUID]) -> dict[Place, int]:
    """Units of what is on its way to a place that orders count on."""
    batches = Batch.objects.incoming().filter(product__in=product_ids, allocated__gt=0)
    rows = batches.values_list("product", "location").annotate(units=Sum("allocated")).order_by()
    return {(product, location): units for product, location, units in rows}


def _waiting(product_ids: Collection[UUID]) -> dict[UUID, int]:
    """Units that orders wait for without any supply, by the level that is to be ordered for.

    Orders wait for a product, at whatever location: they count once, at the first of the low
    levels of that product, in the order in which stock is taken.
    """
    lines = ReservationLine.objects.filter(
        is_held("reservation__"), product__in=product_ids, unallocated__gt=0
    )
    waiting = dict(lines.values_list("product").annotate(units=Sum("unallocated")).order_by())
    if not waiting:
        return {}
    low = StockLevel.objects.low().filter(product__in=waiting, location__is_active=True)
    first = low.order_by("product", "location__priority", "pk").distinct("product")
    return {pk: waiting[product] for pk, product in first.values_list("pk", "product")}
