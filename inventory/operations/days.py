"""The summary of the ledger by days."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Final

from django.db import connection

from common.database import database_now, in_transaction
from inventory.models import StockDay, StockMovement
from inventory.models.days import day_of, start_of
from inventory.queries.turnover import forget_turnover

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY: Final = timedelta(days=1)
SETTLING: Final = timedelta(minutes=5)
"""After its end a day is left alone for so long: what was written then may not be committed."""
AGAIN: Final = 2
"""So many of the last days are summed up anew each time, for what was committed later still."""
SUMMARISING: Final = 0x64617973  # names the advisory lock: one at a time writes the summary
LONGEST: Final = {"lock_timeout": "60s", "statement_timeout": "300s"}
"""A day on which a large import came has a million movements."""

# Writes what differs from the rows there are, and nothing else: a day that is summed up again
# costs a look at its movements alone.
SUM_UP: Final = """
WITH moved AS (
    SELECT stock_level_id, reason, sum(delta) AS units, count(*) AS movements
    FROM inventory_stockmovement
    WHERE created_at >= %(start)s AND created_at < %(end)s
    GROUP BY stock_level_id, reason
), gone AS (
    DELETE FROM inventory_stockday AS known
    WHERE day = %(day)s AND NOT EXISTS (
        SELECT FROM moved
        WHERE moved.stock_level_id = known.stock_level_id AND moved.reason = known.reason
    )
)
INSERT INTO inventory_stockday AS known (stock_level_id, day, reason, units, movements)
SELECT stock_level_id, %(day)s, reason, units, movements FROM moved
ON CONFLICT (stock_level_id, day, reason) DO UPDATE
    SET units = excluded.units, movements = excluded.movements
    WHERE (known.units, known.movements) IS DISTINCT FROM (excluded.units, excluded.movements)
"""


def summarise_days(*, since: date | None = None) -> int:
    """Sum up the ledger for every day that is over, the oldest first; returns how many days.

    Goes on where the summary ends, and sums up the last two days again. ``since`` begins earlier:
    with the first day on which history was written (``at`` of ``Ledger``), or with the very first
    after TIME_ZONE has been changed. Each day is a transaction of its own, so that a run that is
    cut short has lost nothing, and the summary has no gaps before its end.
    """
    count = 0
    for day in _days(since):
        _summarise(day=day)
        count += 1
    forget_turnover()
    return count


@in_transaction
def _summarise(*, day: date) -> None:
    """Write the rows of one day anew, from the ledger.

    Locks: the summary, and nothing that stock waits for (docs/locking.md).
    """
    with connection.cursor() as cursor:
        for name, value in LONGEST.items():
            cursor.execute(f"SET LOCAL {name} = '{value}'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SUMMARISING])
        period = {"day": day, "start": start_of(day), "end": start_of(day + DAY)}
        cursor.execute(SUM_UP, period)


def _days(since: date | None) -> Iterator[date]:
    """The days to sum up, up to the last one that is over."""
    last = day_of(database_now() - SETTLING) - DAY
    known = StockDay.objects.summarised_until()
    begin = min(known + DAY, last - (AGAIN - 1) * DAY) if known else _first_day()
    if begin is None:
        return
    day = min(begin, since) if since else begin
    while day <= last:
        yield day
        day += DAY


def _first_day() -> date | None:
    """The day of the very first movement."""
    moments = StockMovement.objects.order_by("created_at").values_list("created_at", flat=True)
    first = moments.first()
    return day_of(first) if first else None
