"""The summary by days against the ledger that it was made from."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connection
from django.db.models import Min

from inventory.models import StockDay, StockLevel, StockMovement
from inventory.models.days import day_of, start_of
from inventory.verification.findings import Difference, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

DIFFERENCES_AT_ONCE: Final = 1_000
DAY: Final = timedelta(days=1)
NOWHERE: Final = UUID(int=0)

# What the ledger and the summary say of one day, where they do not say the same; those after a
# given stock level and reason.
COMPARE: Final = """
WITH moved AS (
    SELECT stock_level_id, reason, sum(delta) AS units, count(*) AS movements
    FROM inventory_stockmovement
    WHERE created_at >= %(start)s AND created_at < %(end)s
    GROUP BY stock_level_id, reason
), known AS (
    SELECT stock_level_id, reason, units, movements FROM inventory_stockday WHERE day = %(day)s
)
SELECT stock_level_id, reason, moved.units, moved.movements, known.units, known.movements
FROM moved FULL JOIN known USING (stock_level_id, reason)
WHERE (moved.units, moved.movements) IS DISTINCT FROM (known.units, known.movements)
    AND (stock_level_id, reason) > (%(level)s, %(reason)s)
ORDER BY stock_level_id, reason LIMIT %(limit)s
"""


def summarised_days() -> Iterator[Step]:
    """Every day that the summary tells of, up to its end: units and movements of each row.

    A day is compared in one statement; what has happened since its end is no part of it.
    """
    last = StockDay.objects.summarised_until()
    if last is None:
        return
    day = _first_day(last)
    while day <= last:
        yield from _of_day(day)
        day += DAY


def _first_day(last: date) -> date:
    """The first day that the summary or the ledger tells of."""
    known = StockDay.objects.aggregate(first=Min("day"))["first"] or last
    moved = StockMovement.objects.aggregate(first=Min("created_at"))["first"]
    return min(known, day_of(moved)) if moved else known


def _of_day(day: date) -> Iterator[Step]:
    period = {"day": day, "start": start_of(day), "end": start_of(day + DAY)}
    after: dict[str, Any] = {"level": NOWHERE, "reason": "", "limit": DIFFERENCES_AT_ONCE}
    while True:
        with connection.cursor() as cursor:
            cursor.execute(COMPARE, period | after)
            found = cursor.fetchall()
        yield Step(0, _named(day, found))
        if len(found) < DIFFERENCES_AT_ONCE:
            return
        after["level"], after["reason"] = found[-1][:2]


def _named(day: date, found: list[Any]) -> list[Difference]:
    ids = {row[0] for row in found}
    levels = StockLevel.objects.filter(pk__in=ids).values_list(
        "pk", "product__sku", "location__code"
    )
    names = {pk: (sku, code) for pk, sku, code in levels} if ids else {}
    return [
        Difference(
            level,
            *names.get(level, ("", "")),
            f"{reason} on {day}",
            expected=_told(units, movements),
            found=_told(known_units, known_movements),
        )
        for level, reason, units, movements, known_units, known_movements in found
    ]


def _told(units: int | None, movements: int | None) -> str:
    return "nothing" if movements is None else f"{units} units in {movements} movements"
