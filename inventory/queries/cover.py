"""What is sold of a stock level, and for how long the rest will be enough."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection
from django.utils import timezone

from common.ids import id_at
from inventory.models.days import day_of, start_of
from inventory.rules.reordering import PERIOD, days_of_cover

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

    from inventory.models import StockLevel

DAY: Final = timedelta(days=1)
SOLD: Final = ("sale", "shipment", "return")
"""What has left for good: sold and shipped, less what came back."""

# Signed units that moved for these reasons, one row for each day and reason. A mistake that was
# reversed is no sale: the reversal is set against it, if both lie in the period. Reversals are
# few and have their index; their ids bound them, a day early for clocks that differ.
GONE: Final = """
    SELECT stock_level_id, units FROM inventory_stockday
    WHERE day BETWEEN %(first)s AND %(last)s AND reason = ANY(%(reasons)s) {of_levels}
    UNION ALL
    SELECT undone.stock_level_id, undone.delta
    FROM inventory_stockmovement AS undone
    JOIN inventory_stockmovement AS mistake ON mistake.id = undone.reversal_of_id
    WHERE undone.reason = 'reversal' AND undone.id >= %(from_id)s
        AND undone.created_at >= %(start)s AND undone.created_at < %(end)s
        AND mistake.created_at >= %(start)s AND mistake.reason = ANY(%(reasons)s) {of_undone}
"""
OF_LEVELS: Final = GONE.format(
    of_levels="AND stock_level_id = ANY(%(levels)s)",
    of_undone="AND undone.stock_level_id = ANY(%(levels)s)",
)
SOLD_OF: Final = f"""
SELECT stock_level_id, -sum(units) FROM ({OF_LEVELS}) AS gone GROUP BY stock_level_id
"""  # noqa: S608  our own text


@dataclass(frozen=True, slots=True)
class Cover:
    """Units sold of a level in the last 28 whole days, and how many days the available ones last
    at that pace; None where nothing was sold.
    """

    sold: int
    days: int | None


def last_days() -> tuple[date, date]:
    """The first and the last of the 28 days before today."""
    today = day_of(timezone.now())
    return today - PERIOD * DAY, today - DAY


def covers(levels: Collection[StockLevel]) -> dict[UUID, Cover]:
    """The cover of each of these levels, in one query."""
    sold = sold_of([level.pk for level in levels])
    return {
        level.pk: Cover(
            sold.get(level.pk, 0), days_of_cover(level.available, sold.get(level.pk, 0))
        )
        for level in levels
    }


def sold_of(level_ids: Collection[UUID]) -> dict[UUID, int]:
    """Units sold of each of these levels in the last 28 whole days, where any were; one query."""
    if not level_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(SOLD_OF, period() | {"levels": list(level_ids)})
        return {level: int(units) for level, units in cursor.fetchall() if units > 0}


def period() -> dict[str, Any]:
    """The 28 days, as the statements about them want them."""
    first, last = last_days()
    start = start_of(first)
    return {
        "first": first,
        "last": last,
        "reasons": list(SOLD),
        "from_id": id_at(start - DAY),
        "start": start,
        "end": start_of(last + DAY),
    }
