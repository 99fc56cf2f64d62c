"""Stock as it was: on hand at any moment, read from the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from inventory.models.days import day_of, start_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

MIDDLE: Final = """
    SELECT sequence, created_at FROM inventory_stockmovement
    WHERE stock_level_id = search.level_id AND sequence = (search.low + search.high + 1) / 2
    OFFSET 0
"""
"""The movement in the middle of what is left to search. Times rise with the sequence, so the last
movement at or before a moment is found by halving: 20 look-ups in a million. OFFSET keeps
PostgreSQL to one look-up by the unique index each time."""
FOUND: Final = f"""
WITH RECURSIVE search (level_id, location_id, at, low, high) AS (
    SELECT level.id, level.location_id, moment.at, 0::bigint, level.movement_count
    FROM inventory_stocklevel AS level, unnest(%(instants)s::timestamptz[]) AS moment (at)
    WHERE level.product_id = %(product)s
        AND (%(location)s::uuid IS NULL OR level.location_id = %(location)s)
    UNION ALL
    SELECT level_id, location_id, at,
        CASE WHEN middle.created_at <= at THEN middle.sequence ELSE low END,
        CASE WHEN middle.created_at <= at THEN high ELSE middle.sequence - 1 END
    FROM search CROSS JOIN LATERAL ({MIDDLE}) AS middle
    WHERE low < high
),
found AS (
    SELECT search.*, movement.on_hand_after, movement.created_at
    FROM search LEFT JOIN LATERAL (
        SELECT on_hand_after, created_at FROM inventory_stockmovement
        WHERE stock_level_id = search.level_id AND sequence = search.low
        OFFSET 0
    ) AS movement ON true
    WHERE low = high
)
"""  # noqa: S608  our own text
BY_LEVEL: Final = f"""{FOUND}
SELECT found.level_id, location.code, location.name, coalesce(found.on_hand_after, 0),
    found.created_at
FROM found JOIN inventory_location AS location ON location.id = found.location_id
ORDER BY location.priority, location.code
"""  # noqa: S608  likewise
BY_MOMENT: Final = f"""{FOUND}
SELECT at, sum(coalesce(on_hand_after, 0))::bigint FROM found GROUP BY at
"""  # noqa: S608  likewise


@dataclass(frozen=True, slots=True)
class Standing:
    """Units that one stock level had on hand at a moment, and when it had moved last by then."""

    stock_level_id: UUID
    location: str
    location_name: str
    on_hand: int
    moved_at: datetime | None


def stock_at(
    product_id: UUID, instant: datetime, *, location_id: UUID | None = None
) -> list[Standing]:
    """What each stock level of a product, or the one at a location, had on hand at a moment.

    Zero before its first movement. Some 20 look-ups for a level with a million movements.
    """
    with connection.cursor() as cursor:
        cursor.execute(BY_LEVEL, _parameters(product_id, [instant], location_id))
        return [Standing(*row) for row in cursor]


def on_hand_at(
    product_id: UUID, instants: Sequence[datetime], *, location_id: UUID | None = None
) -> list[int]:
    """What a product had on hand, at all locations or at one, at each of these moments."""
    with connection.cursor() as cursor:
        cursor.execute(BY_MOMENT, _parameters(product_id, instants, location_id))
        found = dict(cursor.fetchall())
    return [found.get(instant, 0) for instant in instants]


def day_ends(last: datetime, days: int, *, step: int = 1) -> list[datetime]:
    """The ends of the days before a moment, and the moment itself as the last of so many days.

    Days are those of TIME_ZONE. With a ``step`` only every so many of them.
    """
    today = day_of(last)
    starts = [today - timedelta(days=back) for back in range(0, days - 1, step)]
    return [*map(start_of, reversed(starts)), last]


def _parameters(
    product_id: UUID, instants: Sequence[datetime], location_id: UUID | None
) -> dict[str, Any]:
    return {"product": product_id, "instants": list(instants), "location": location_id}
