"""What an explanation asks PostgreSQL: one statement, so that every figure is of one moment."""

from __future__ import annotations

from typing import Final

from inventory.queries.history import MIDDLE

MOST_NAMED: Final = 100

LEVELS: Final = """
level AS MATERIALIZED (
    SELECT stock.*, location.code, location.name, location.priority
    FROM inventory_stocklevel AS stock
    JOIN inventory_location AS location ON location.id = stock.location_id
    WHERE stock.product_id = %(product)s
        AND (%(location)s::uuid IS NULL OR stock.location_id = %(location)s)
),
search (level_id, low, high) AS (
    SELECT id, CASE WHEN %(at)s::timestamptz IS NULL THEN movement_count ELSE 0 END, movement_count
    FROM level
    UNION ALL
    SELECT level_id,
        CASE WHEN middle.created_at <= %(at)s THEN middle.sequence ELSE low END,
        CASE WHEN middle.created_at <= %(at)s THEN high ELSE middle.sequence - 1 END
    FROM search CROSS JOIN LATERAL ({middle}) AS middle
    WHERE low < high
),
last AS MATERIALIZED (SELECT level_id, low AS sequence FROM search WHERE low = high)
""".replace("{middle}", MIDDLE)
"""The levels, and the sequence of the last movement that counts for each."""

SUMS: Final = """
day AS MATERIALIZED (
    SELECT stock_level_id, reason, sum(units) AS units, sum(movements) AS movements,
        max(day) AS until
    FROM inventory_stockday
    WHERE stock_level_id IN (SELECT id FROM level) AND day < %(before)s
    GROUP BY stock_level_id, reason
),
covered AS (
    SELECT last.level_id, last.sequence AS until, max(day.until) AS day,
        coalesce(sum(day.movements), 0)::bigint AS since
    FROM last LEFT JOIN day ON day.stock_level_id = last.level_id
    GROUP BY last.level_id, last.sequence
),
later AS (
    SELECT covered.level_id, counted.*
    FROM covered CROSS JOIN LATERAL (
        SELECT reason, sum(delta), count(*) FROM inventory_stockmovement
        WHERE stock_level_id = covered.level_id
            AND sequence > covered.since AND sequence <= covered.until
        GROUP BY reason
    ) AS counted
),
total AS (
    SELECT stock_level_id AS level_id, reason, sum(units)::bigint AS units,
        sum(movements)::bigint AS movements
    FROM (
        SELECT stock_level_id, reason, units, movements FROM day UNION ALL SELECT * FROM later
    ) AS part
    GROUP BY stock_level_id, reason
)
"""
"""By level and reason: the days before, whose movements are the first ones of the level, and the
movements that come after those."""

IS_WHOLE: Final = """
covered.day IS NULL OR (
    covered.day = (
        SELECT (created_at AT TIME ZONE %(zone)s)::date FROM inventory_stockmovement
        WHERE stock_level_id = level.id AND sequence = covered.since
    )
    AND covered.day IS DISTINCT FROM (
        SELECT (created_at AT TIME ZONE %(zone)s)::date FROM inventory_stockmovement
        WHERE stock_level_id = level.id AND sequence = covered.since + 1
    )
)
"""
"""Whether the days have as many movements as there were until the last of them ended."""

PROMISES: Final = """
hold AS MATERIALIZED (
    SELECT allocation.id, allocation.stock_level_id AS level_id, level.code, allocation.quantity,
        reservation.id AS reservation_id, reservation.order_reference, reservation.status,
        reservation.expires_at,
        reservation.status = 'active' AND reservation.expires_at <= clock_timestamp() AS is_overdue
    FROM level
    JOIN inventory_allocation AS allocation ON allocation.stock_level_id = level.id
    JOIN inventory_reservationline AS line ON line.id = allocation.line_id
    JOIN inventory_reservation AS reservation ON reservation.id = line.reservation_id
    WHERE %(at)s::timestamptz IS NULL
),
batch AS MATERIALIZED (
    SELECT supply.id, level.id AS level_id, level.code, supply.reference, supply.allocated,
        supply.quantity - supply.received_quantity AS outstanding, supply.eta
    FROM level
    JOIN inventory_batch AS supply
        ON supply.product_id = level.product_id AND supply.location_id = level.location_id
    WHERE supply.status = 'incoming' AND %(at)s::timestamptz IS NULL
)
"""

EXPLAIN: Final = f"""
WITH RECURSIVE {LEVELS}, {SUMS}, {PROMISES}
SELECT json_build_object(
    'level_id', level.id, 'code', level.code, 'name', level.name, 'version', level.version,
    'on_hand', CASE WHEN %(at)s::timestamptz IS NULL THEN level.on_hand
        ELSE coalesce(final.on_hand_after, 0) END,
    'reserved', level.reserved, 'incoming', level.incoming,
    'opening', coalesce(opening.delta, 0), 'is_whole', coalesce({IS_WHOLE}, false),
    'sums', (
        SELECT coalesce(json_agg(json_build_array(reason, units, movements)), '[]')
        FROM total WHERE total.level_id = level.id
    ),
    'overdue', (
        SELECT coalesce(sum(quantity), 0)::bigint FROM hold
        WHERE hold.level_id = level.id AND is_overdue
    ),
    'hold_count', (SELECT count(*) FROM hold WHERE hold.level_id = level.id),
    'holds', (
        SELECT coalesce(json_agg(named), '[]') FROM (
            SELECT * FROM hold WHERE hold.level_id = level.id ORDER BY id LIMIT %(most)s
        ) AS named
    ),
    'batch_count', (SELECT count(*) FROM batch WHERE batch.level_id = level.id),
    'batches', (
        SELECT coalesce(json_agg(named), '[]') FROM (
            SELECT * FROM batch WHERE batch.level_id = level.id
            ORDER BY eta, reference LIMIT %(most)s
        ) AS named
    )
)
FROM level
LEFT JOIN last ON last.level_id = level.id
LEFT JOIN covered ON covered.level_id = level.id
LEFT JOIN inventory_stockmovement AS final
    ON final.stock_level_id = level.id AND final.sequence = last.sequence
LEFT JOIN inventory_stockmovement AS opening
    ON opening.stock_level_id = level.id AND opening.sequence = 1 AND last.sequence >= 1
    AND opening.reason = 'receipt' AND opening.reference = ''
ORDER BY level.priority, level.code
"""  # noqa: S608  our own text

BY_TIME: Final = """
SELECT json_build_object('level_id', level_id, 'sums', json_agg(json_build_array(reason, units, n)))
FROM (
    SELECT stock_level_id AS level_id, reason, sum(delta)::bigint AS units, count(*) AS n
    FROM inventory_stockmovement
    WHERE product_id = %(product)s
        AND (%(location)s::uuid IS NULL OR location_id = %(location)s)
        AND (%(at)s::timestamptz IS NULL OR created_at <= %(at)s)
    GROUP BY stock_level_id, reason
) AS total
GROUP BY level_id
"""
"""The same sums from every movement, where those of the days do not add up."""
