"""Why is it N? The sums behind a product's figures."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.conf import settings
from django.db import connection

from inventory.models.days import day_of
from inventory.queries.explaining_sql import BY_TIME, EXPLAIN, MOST_NAMED

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from products.models import Product

OPENING: Final = "opening"
UNEXPLAINED: Final = "unexplained"
ORDER: Final = (
    OPENING,
    "receipt",
    "return",
    "transfer_in",
    "sale",
    "shipment",
    "damage",
    "transfer_out",
    "adjustment",
    "count",
    "reversal",
    UNEXPLAINED,
)
"""Reasons as a sum is read: what came, what went, what was put right."""


@dataclass(frozen=True, slots=True)
class ReasonSum:
    """All movements for one reason: signed units, and how many movements there were."""

    reason: str
    units: int
    movements: int


@dataclass(frozen=True, slots=True)
class ExplainedHold:
    """Units on a shelf that a reservation holds. Overdue ones keep nobody from having them."""

    reservation_id: UUID
    order_reference: str
    status: str
    expires_at: datetime | None
    is_overdue: bool
    location: str
    quantity: int


@dataclass(frozen=True, slots=True)
class ExplainedSupply:
    """A batch on its way to a location."""

    batch_id: UUID
    reference: str
    location: str
    outstanding: int
    allocated: int
    eta: date


@dataclass(frozen=True, slots=True)
class Others:
    """So many more, with so many units together."""

    count: int
    quantity: int


@dataclass(frozen=True, slots=True)
class ExplainedLevel:
    """One stock level: ``sums`` add up to ``on_hand``.

    The other figures are None for a moment in the past: the ledger has movements alone.
    ``overdue`` units of the reserved ones are held past their time.
    """

    stock_level_id: UUID
    location: str
    location_name: str
    on_hand: int
    sums: Sequence[ReasonSum]
    reserved: int | None = None
    overdue: int | None = None
    incoming: int | None = None

    @property
    def available(self) -> int | None:
        return None if self.reserved is None else self.on_hand - self.reserved


@dataclass(frozen=True, slots=True)
class Explanation:
    """The sums behind a product's figures, over all its stock levels or for the one asked for.

    Read in one statement, so they are of one moment: ``as_of``, or now. At most 100 holds and 100
    batches are named, the oldest holds and the earliest batches; ``hold_count`` and
    ``batch_count`` count all of them.
    """

    product: Product
    as_of: datetime | None
    levels: Sequence[ExplainedLevel]
    holds: Sequence[ExplainedHold] = ()
    batches: Sequence[ExplainedSupply] = ()
    hold_count: int = 0
    batch_count: int = 0
    version: int = 0

    @property
    def pk(self) -> UUID:
        return self.product.pk

    @property
    def on_hand(self) -> int:
        return sum(level.on_hand for level in self.levels)

    @property
    def sums(self) -> Sequence[ReasonSum]:
        """By reason, over all levels."""
        return added_up(each for level in self.levels for each in level.sums)

    @property
    def reserved(self) -> int | None:
        return self._total("reserved")

    @property
    def overdue(self) -> int | None:
        return self._total("overdue")

    @property
    def incoming(self) -> int | None:
        return self._total("incoming")

    @property
    def available(self) -> int | None:
        return self._total("available")

    @property
    def other_holds(self) -> Others:
        """Those that are not named."""
        named = sum(hold.quantity for hold in self.holds)
        return Others(self.hold_count - len(self.holds), (self.reserved or 0) - named)

    @property
    def other_batches(self) -> Others:
        """Those that are not named."""
        named = sum(batch.outstanding for batch in self.batches)
        return Others(self.batch_count - len(self.batches), (self.incoming or 0) - named)

    def _total(self, name: str) -> int | None:
        """The sum of a figure over the levels; None where the past does not know it."""
        figures = [getattr(level, name) for level in self.levels]
        return None if None in figures else sum(figures)


def explain(
    product: Product, *, location_id: UUID | None = None, as_of: datetime | None = None
) -> Explanation | None:
    """Why a product's figures are what they are; None where it has no such stock level.

    Now, or what was on hand ``as_of`` a moment in the past: then nothing is said of reservations
    and batches, which the ledger does not have. One statement; it reads the days that have been
    summed up, and the movements since (docs/api.md).
    """
    rows = _rows(EXPLAIN, product, location_id, as_of)
    if not rows:
        return None
    if any(_is_off(row) for row in rows):
        by_time = _rows(BY_TIME, product, location_id, as_of)
        sums = {row["level_id"]: row["sums"] for row in by_time}
        rows = [row | {"sums": sums.get(row["level_id"], [])} for row in rows]
    holds = sorted((one for row in rows for one in row["holds"]), key=lambda one: one["id"])
    batches = [one for row in rows for one in row["batches"]]
    return Explanation(
        product=product,
        as_of=as_of,
        levels=[_level(row, is_past=as_of is not None) for row in rows],
        holds=[_hold(one) for one in holds[:MOST_NAMED]],
        batches=sorted(map(_supply, batches), key=lambda one: (one.eta, one.reference))[
            :MOST_NAMED
        ],
        hold_count=sum(row["hold_count"] for row in rows),
        batch_count=sum(row["batch_count"] for row in rows),
        version=0 if as_of else sum(row["version"] for row in rows),
    )


def added_up(sums: Iterable[ReasonSum]) -> list[ReasonSum]:
    """One sum for each reason, in the order in which they are read."""
    units: dict[str, tuple[int, int]] = {}
    for one in sums:
        before = units.get(one.reason, (0, 0))
        units[one.reason] = (before[0] + one.units, before[1] + one.movements)
    return [ReasonSum(reason, *units[reason]) for reason in ORDER if reason in units]


def _rows(
    statement: str, product: Product, location_id: UUID | None, as_of: datetime | None
) -> list[dict[str, Any]]:
    """A dictionary for each stock level, in the order in which stock is taken from them."""
    parameters = {
        "product": product.pk,
        "location": location_id,
        "at": as_of,
        "before": _day_before_which(as_of),
        "zone": settings.TIME_ZONE,
        "most": MOST_NAMED,
    }
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return [json.loads(row) if isinstance(row, str) else row for (row,) in cursor]


def _day_before_which(as_of: datetime | None) -> date:
    """The day that is over no more at that moment."""
    try:
        return day_of(as_of) if as_of else date.max
    except OverflowError:  # the first day of the year 1
        return date.min


def _is_off(row: dict[str, Any]) -> bool:
    """Whether the days that were summed up are not what the ledger says of them."""
    units = sum(units for _reason, units, _count in row["sums"])
    return not row["is_whole"] or units != row["on_hand"]


def _level(row: dict[str, Any], *, is_past: bool) -> ExplainedLevel:
    promises = {} if is_past else {name: row[name] for name in ("reserved", "overdue", "incoming")}
    return ExplainedLevel(
        stock_level_id=UUID(row["level_id"]),
        location=row["code"],
        location_name=row["name"],
        on_hand=row["on_hand"],
        sums=_sums(row),
        **promises,
    )


def _sums(row: dict[str, Any]) -> list[ReasonSum]:
    """The reasons, with the opening told from other receipts; and what no movement explains."""
    sums = [ReasonSum(*one) for one in row["sums"]]
    if opened := row["opening"]:
        sums += [ReasonSum(OPENING, opened, 1), ReasonSum("receipt", -opened, -1)]
    if off := row["on_hand"] - sum(one.units for one in sums):
        sums.append(ReasonSum(UNEXPLAINED, off, 0))
    return [one for one in added_up(sums) if one.movements or one.units]


def _hold(one: dict[str, Any]) -> ExplainedHold:
    expires_at = one["expires_at"]
    return ExplainedHold(
        reservation_id=UUID(one["reservation_id"]),
        order_reference=one["order_reference"],
        status=one["status"],
        expires_at=datetime.fromisoformat(expires_at) if expires_at else None,
        is_overdue=one["is_overdue"],
        location=one["code"],
        quantity=one["quantity"],
    )


def _supply(one: dict[str, Any]) -> ExplainedSupply:
    return ExplainedSupply(
        batch_id=UUID(one["id"]),
        reference=one["reference"],
        location=one["code"],
        outstanding=one["outstanding"],
        allocated=one["allocated"],
        eta=date.fromisoformat(one["eta"]),
    )
