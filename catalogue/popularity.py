"""How often a product was sold in the last 28 days: counted when a day is over."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Case, Sum, Value, When

from catalogue.engines import engine
from catalogue.models import Document
from common.database import database_now, in_transaction
from inventory.models import StockDay, StockMovement
from inventory.models.days import day_of

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from catalogue.models import DocumentQuerySet

DAYS: Final = timedelta(days=28)
SOLD: Final = [StockMovement.Reason.SALE, StockMovement.Reason.SHIPMENT]


def times_sold(product_ids: Collection[UUID]) -> dict[UUID, int]:
    """Movements that are sales or shipments, on the last 28 days that are over (TIME_ZONE).

    From the summary of days (``inventory.operations.days``); without products that were not sold.
    """
    days = StockDay.objects.filter(
        stock_level__product__in=product_ids,
        day__gte=day_of(database_now()) - DAYS,
        reason__in=SOLD,
    )
    rows = days.values_list("stock_level__product").annotate(Sum("movements"))
    return dict(rows.order_by("stock_level__product"))


@in_transaction
def refresh_popularity(product_ids: Collection[UUID]) -> int:
    """Write the popularity of those of these documents whose figure has changed; returns how many.

    Safe beside the projector, which leaves that column alone.

    Locks: the documents that change, by primary key as the projector does (docs/locking.md).
    """
    sold = times_sold(product_ids)
    known = Document.objects.filter(pk__in=product_ids).values_list("pk", "popularity")
    changed = {pk: sold.get(pk, 0) for pk, popularity in known if popularity != sold.get(pk, 0)}
    if changed:
        figures: Any = [When(pk=pk, then=Value(count)) for pk, count in changed.items()]
        documents = Document.objects.filter(pk__in=changed)
        lock_in_order(documents)
        documents.update(popularity=Case(*figures))
    return len(changed)


def lock_in_order(documents: DocumentQuerySet) -> None:
    """An UPDATE locks in the order of its plan; ``writing.keep`` does by primary key.

    MongoDB has no locks, and writes one document at a time.
    """
    if engine.HAS_LOCKS:
        list(documents.order_by("pk").select_for_update(no_key=True).values_list("pk"))
