"""What a ledger says to PostgreSQL: many rows in one statement, many statements at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inventory.models import StockLevel, StockMovement

LEVELS: Final = """SET on_hand = new.on_hand, reserved = new.reserved, incoming = new.incoming,
        next_eta = new.next_eta, version = new.version, movement_count = new.movement_count,
        alert = new.alert, updated_at = moment.written
    FROM moment, unnest(
        %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::date[], %s::bigint[],
        %s::bigint[], %s::text[]
    ) AS new (id, on_hand, reserved, incoming, next_eta, version, movement_count, alert)
    WHERE level.id = new.id"""
WRITE_LEVELS: Final = f"""
WITH moment AS (SELECT clock_timestamp() AS written)
UPDATE inventory_stocklevel AS level
    {LEVELS}
RETURNING level.updated_at, moment.written
"""
WRITE: Final = """
WITH moment AS (SELECT clock_timestamp() AS written),
changed AS (
    UPDATE inventory_stocklevel AS level
    {levels}
)
INSERT INTO inventory_stockmovement (
    id, stock_level_id, product_id, location_id, sequence, delta, on_hand_after, reason,
    reference, note, transfer_id, reversal_of_id, actor, request_id, created_at
)
SELECT new.*, coalesce(%s::timestamptz, moment.written)
FROM moment, unnest(
    %s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[],
    %s::text[], %s::text[], %s::text[], %s::uuid[], %s::uuid[], %s::text[], %s::text[]
) AS new
RETURNING created_at, (SELECT written FROM moment)
""".replace("{levels}", LEVELS)
HISTORY: Final = """
SELECT max(created_at), clock_timestamp() FROM inventory_stockmovement
WHERE product_id = ANY(%s::uuid[])
"""


def columns(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Rows as PostgreSQL's unnest() wants them: one array for each column."""
    return [list(column) for column in zip(*rows, strict=True)]


def level_row(level: StockLevel) -> tuple[Any, ...]:
    return (
        level.pk,
        level.on_hand,
        level.reserved,
        level.incoming,
        level.next_eta,
        level.version,
        level.movement_count,
        level.alert,
    )


def movement_row(movement: StockMovement) -> tuple[Any, ...]:
    return (
        movement.pk,
        movement.stock_level_id,
        movement.product_id,
        movement.location_id,
        movement.sequence,
        movement.delta,
        movement.on_hand_after,
        movement.reason,
        movement.reference,
        movement.note,
        movement.transfer_id,
        movement.reversal_of_id,
        movement.actor,
        movement.request_id,
    )
