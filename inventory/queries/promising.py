"""What could be promised now, and by when."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from django.db.models import BigIntegerField, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from common.database import ClockTimestamp
from inventory import rules
from inventory.models import Allocation, Batch, Reservation, StockLevel
from inventory.queries.shares import Share

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class AvailableLine:
    """What could be promised of a line now."""

    product_id: UUID
    sku: str
    quantity: int
    allocations: Sequence[Share]
    today: date

    @property
    def available(self) -> int:
        """Of what was asked for."""
        return sum(share.quantity for share in self.allocations)

    @property
    def shortfall(self) -> int:
        return self.quantity - self.available

    @property
    def promise_date(self) -> date | None:
        etas = (share.eta for share in self.allocations)
        return rules.promise_date(etas, unallocated=self.shortfall, today=self.today)


@dataclass(frozen=True, slots=True)
class Availability:
    """What could be promised of several lines together."""

    lines: Sequence[AvailableLine]

    @property
    def promise_date(self) -> date | None:
        dates = [line.promise_date for line in self.lines]
        return max((date for date in dates if date), default=None) if all(dates) else None


def availability(lines: Collection[Any], *, with_incoming: bool) -> Availability:
    """What a reservation of these lines (one for each product) would get now; two queries.

    Nothing is locked or held. Holds that are past their time count as free where a line cannot
    have all of it from the shelf, as they do for the reservation.
    """
    today = timezone.now().date()
    sources = _sources([line.product_id for line in lines], with_incoming=with_incoming)
    found = []
    for line in lines:
        shares = _shares(line.quantity, sources.get(line.product_id, []))
        found.append(AvailableLine(line.product_id, line.sku, line.quantity, shares, today))
    return Availability(found)


@dataclass(frozen=True, slots=True)
class _Source:
    """A supply, and how many units of it only holds past their time keep."""

    supply: rules.Supply
    overdue: int
    location: str
    batch: str | None = None


def _shares(quantity: int, sources: Sequence[_Source]) -> list[Share]:
    """What a line would get, decided as a reservation decides it."""
    shares = rules.allocate(quantity, [source.supply for source in sources])
    if rules.is_wanting(quantity, shares):
        freed = (
            replace(source.supply, free=source.supply.free + source.overdue) for source in sources
        )
        shares = rules.allocate(quantity, freed)
    named = {source.supply.id: source for source in sources}
    return [
        Share(
            named[share.supply.id].location,
            named[share.supply.id].batch,
            share.quantity,
            share.supply.eta,
        )
        for share in shares
    ]


def _sources(product_ids: Collection[UUID], *, with_incoming: bool) -> dict[UUID, list[_Source]]:
    """What supplies each product."""
    found: dict[UUID, list[_Source]] = {}
    levels = StockLevel.objects.filter(product__in=product_ids, location__is_active=True)
    for level in levels.select_related("location").annotate(overdue=_overdue("stock_level")):
        supply = rules.Supply(
            id=level.pk,
            location_id=level.location_id,
            free=level.on_hand - level.reserved,
            priority=level.location.priority,
        )
        source = _Source(supply, level.overdue, level.location.code)  # type: ignore[attr-defined]
        found.setdefault(level.product_id, []).append(source)
    if not with_incoming:
        return found
    batches = Batch.objects.incoming().filter(product__in=product_ids, location__is_active=True)
    for batch in batches.select_related("location").annotate(overdue=_overdue("batch")):
        supply = rules.Supply(
            id=batch.pk,
            location_id=batch.location_id,
            free=batch.outstanding - batch.allocated,
            eta=batch.eta,
        )
        overdue: int = batch.overdue  # type: ignore[attr-defined]
        source = _Source(supply, overdue, batch.location.code, batch.reference)
        found.setdefault(batch.product_id, []).append(source)
    return found


def _overdue(supply: str) -> Coalesce:
    """How many units of a supply are held by reservations that are past their time."""
    held = Allocation.objects.filter(
        **{supply: OuterRef("pk")},
        line__reservation__status=Reservation.Status.ACTIVE,
        line__reservation__expires_at__lte=ClockTimestamp(),
    )
    total = held.order_by().values(supply).annotate(total=Sum("quantity")).values("total")
    return Coalesce(Subquery(total), 0, output_field=BigIntegerField())
