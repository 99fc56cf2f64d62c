"""Reads that join several models, as small dataclasses."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import BigIntegerField, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from common.database import ClockTimestamp
from inventory import rules
from inventory.models import Allocation, Batch, Reservation, ReservationLine, StockLevel
from inventory.querysets import OPEN

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime

    from django.db.models import QuerySet

    from products.models import Product

HOLDS_NAMED: Final = 20


@dataclass(frozen=True, slots=True)
class Inventory:
    """One product's stock over all its locations, computed from its stock levels.

    Units; ``quantity`` is the total on hand. A product has an inventory once it has a stock level.
    """

    product: Product
    stock_levels: Sequence[StockLevel]

    @property
    def pk(self) -> UUID:
        return self.product.pk

    @property
    def product_id(self) -> UUID:
        return self.product.pk

    @property
    def quantity(self) -> int:
        return sum(level.on_hand for level in self.stock_levels)

    @property
    def reserved(self) -> int:
        return sum(level.reserved for level in self.stock_levels)

    @property
    def available(self) -> int:
        return self.quantity - self.reserved

    @property
    def incoming(self) -> int:
        return sum(level.incoming for level in self.stock_levels)

    @property
    def next_eta(self) -> date | None:
        """When the first of what is incoming is expected."""
        etas = (level.next_eta for level in self.stock_levels if level.next_eta)
        return min(etas, default=None)

    @property
    def last_updated(self) -> datetime:
        return max(level.updated_at for level in self.stock_levels)

    @property
    def version(self) -> int:
        """Rises with every change of any level."""
        return sum(level.version for level in self.stock_levels)


def inventories_of(products: Collection[Product]) -> dict[UUID, Inventory]:
    """The inventory of each of these products that has one, in one query."""
    by_id = {product.pk: product for product in products}
    levels: dict[UUID, list[StockLevel]] = {}
    for level in StockLevel.objects.for_products(by_id).order_by("pk"):
        level.product = by_id[level.product_id]
        levels.setdefault(level.product_id, []).append(level)
    return {pk: Inventory(by_id[pk], found) for pk, found in levels.items()}


@dataclass(frozen=True, slots=True)
class Share:
    """Units that one stock level or batch gives: the location's code, the batch's reference."""

    location: str
    batch: str | None
    quantity: int
    eta: date | None


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
    overdue = Q(
        line__reservation__status=Reservation.Status.ACTIVE,
        line__reservation__expires_at__lte=ClockTimestamp(),
    )
    rows = Allocation.objects.filter(~overdue, stock_level__in=places).order_by("-pk")
    named = rows.values("quantity", order_reference=F("line__reservation__order_reference"))
    return [dict(row) for row in named[:HOLDS_NAMED]]


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
