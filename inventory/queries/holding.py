"""Reservations with their lines, and who holds what."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db.models import F, Q, Window
from django.db.models.functions import Coalesce, RowNumber
from django.utils import timezone

from common.database import ClockTimestamp
from inventory import rules
from inventory.models import Allocation, Reservation, ReservationLine
from inventory.queries.shares import Share
from inventory.querysets import OPEN

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import date
    from uuid import UUID

    from django.db.models import QuerySet

    from inventory.models import StockLevel

HOLDS_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class HeldLine:
    """A line of a reservation, with what supplies it."""

    product_id: UUID
    sku: str
    quantity: int
    allocations: Sequence[Share]
    today: date | None
    """None: the reservation has ended, and promises nothing."""
    shipped: int = 0
    unallocated: int = 0

    @property
    def promise_date(self) -> date | None:
        if self.today is None:
            return None
        etas = (share.eta for share in self.allocations)
        return rules.promise_date(etas, unallocated=self.unallocated, today=self.today)


@dataclass(frozen=True, slots=True)
class Held:
    """A reservation with its lines."""

    reservation: Reservation
    lines: Sequence[HeldLine]

    @property
    def pk(self) -> UUID:
        return self.reservation.pk

    @property
    def version(self) -> int:
        return self.reservation.version

    @property
    def promise_date(self) -> date | None:
        """When the last line will be on hand; None while a part of one has no supply."""
        dates = [line.promise_date for line in self.lines]
        return max((date for date in dates if date), default=None) if all(dates) else None


def held(reservation: Reservation) -> Held:
    """A reservation with its lines, in two queries."""
    (found,) = held_all([reservation])
    return found


def held_all(reservations: Sequence[Reservation]) -> list[Held]:
    """Reservations with their lines, in two queries."""
    today = timezone.now().date()
    lines: dict[UUID, list[HeldLine]] = {reservation.pk: [] for reservation in reservations}
    ended = {one.pk for one in reservations if one.status not in OPEN}
    rows = ReservationLine.objects.filter(reservation__in=lines).select_related("product")
    rows = rows.defer("product__search", "product__description", "product__images")
    shares = _shares_of(rows)
    for row in rows.order_by("pk"):
        line = HeldLine(
            product_id=row.product_id,
            sku=row.product.sku,
            quantity=row.quantity,
            allocations=shares.get(row.pk, []),
            today=None if row.reservation_id in ended else today,
            shipped=row.shipped,
            unallocated=row.unallocated,
        )
        lines[row.reservation_id].append(line)
    return [Held(reservation, lines[reservation.pk]) for reservation in reservations]


def _shares_of(lines: QuerySet[ReservationLine]) -> dict[UUID, list[Share]]:
    """What supplies each of these lines: what is on hand first, then by ETA."""
    rows = Allocation.objects.filter(line__in=lines).values_list(
        "line_id",
        Coalesce("stock_level__location__code", "batch__location__code"),
        "batch__reference",
        "quantity",
        "batch__eta",
    )
    found: dict[UUID, list[Share]] = {}
    for line_id, *share in rows.order_by(F("batch__eta").asc(nulls_first=True), "pk"):
        found.setdefault(line_id, []).append(Share(*share))
    return found


def holds_on(levels: Collection[StockLevel], location_id: UUID | None) -> list[dict[str, Any]]:
    """Whom the units of these levels, or of the one at a location, are promised to: the latest
    first, and no more than can be read. Holds past their time are nobody's.
    """
    places = [level for level in levels if location_id in (None, level.location_id)]
    rows = _in_time(places).order_by("-pk")
    named = rows.values("quantity", order_reference=F("line__reservation__order_reference"))
    return [dict(row) for row in named[:HOLDS_NAMED]]


def holds_on_each(levels: Iterable[StockLevel]) -> dict[UUID, list[dict[str, Any]]]:
    """The same as ``holds_on``, for each of many levels by itself: by their ids, in one query."""
    place = Window(RowNumber(), partition_by="stock_level", order_by="-pk")
    rows = _in_time(levels).annotate(place=place).filter(place__lte=HOLDS_NAMED)
    named = rows.values_list("stock_level", "quantity", "line__reservation__order_reference")
    found: dict[UUID, list[dict[str, Any]]] = {}
    for level_id, quantity, order_reference in named.order_by("-pk"):
        hold = {"quantity": quantity, "order_reference": order_reference}
        found.setdefault(level_id, []).append(hold)
    return found


def _in_time(levels: Iterable[StockLevel]) -> QuerySet[Allocation]:
    overdue = Q(
        line__reservation__status=Reservation.Status.ACTIVE,
        line__reservation__expires_at__lte=ClockTimestamp(),
    )
    return Allocation.objects.filter(~overdue, stock_level__in=levels)
