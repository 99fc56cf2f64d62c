"""What a ledger says to PostgreSQL: many rows in one statement, many statements at once."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inventory.models import StockLevel, StockMovement

WRITE_LEVELS: Final = """
UPDATE inventory_stocklevel AS level
SET on_hand = new.on_hand, reserved = new.reserved, incoming = new.incoming,
    next_eta = new.next_eta, version = new.version, movement_count = new.movement_count,
    alert = new.alert, updated_at = new.updated_at
FROM json_to_recordset(%s) AS new (
    id uuid, on_hand bigint, reserved bigint, incoming bigint, next_eta date, version bigint,
    movement_count bigint, alert text, updated_at timestamptz
)
WHERE level.id = new.id
"""
MAKE_LEVELS: Final = """
INSERT INTO inventory_stocklevel (
    id, product_id, location_id, on_hand, reserved, movement_count, safety_stock, version
)
SELECT new.id, new.product_id, new.location_id, 0, 0, 0, 0, 1
FROM json_to_recordset(%s) AS new (id uuid, product_id uuid, location_id uuid)
ON CONFLICT (product_id, location_id) DO NOTHING
"""
"""Empty ones: what is in them is written as to any other."""
WRITE_MOVEMENTS: Final = """
INSERT INTO inventory_stockmovement (
    id, stock_level_id, product_id, location_id, sequence, delta, on_hand_after, reason,
    reference, note, transfer_id, reversal_of_id, actor, request_id, created_at
)
SELECT new.* FROM json_to_recordset(%s) AS new (
    id uuid, stock_level_id uuid, product_id uuid, location_id uuid, sequence bigint,
    delta bigint, on_hand_after bigint, reason text, reference text, note text,
    transfer_id uuid, reversal_of_id uuid, actor text, request_id text, created_at timestamptz
)
"""
HISTORY: Final = """
SELECT max(created_at), clock_timestamp() FROM inventory_stockmovement
WHERE product_id = ANY(%s::uuid[])
"""


def columns(rows: Iterable[Iterable[Any]]) -> list[list[Any]]:
    """Rows as PostgreSQL's unnest() wants them: one array for each column."""
    return [list(column) for column in zip(*rows, strict=True)]


def as_json(rows: Iterable[dict[str, Any]]) -> str:
    """Rows as json_to_recordset() wants them: one parameter, which is soon made and soon bound."""
    return json.dumps(list(rows), default=str)


def level_row(level: StockLevel) -> dict[str, Any]:
    return {
        "id": level.pk,
        "on_hand": level.on_hand,
        "reserved": level.reserved,
        "incoming": level.incoming,
        "next_eta": level.next_eta,
        "version": level.version,
        "movement_count": level.movement_count,
        "alert": level.alert,
        "updated_at": level.updated_at,
    }


def new_level_row(level: StockLevel) -> dict[str, Any]:
    return {"id": level.pk, "product_id": level.product_id, "location_id": level.location_id}


def movement_row(movement: StockMovement) -> dict[str, Any]:
    return {
        "id": movement.pk,
        "stock_level_id": movement.stock_level_id,
        "product_id": movement.product_id,
        "location_id": movement.location_id,
        "sequence": movement.sequence,
        "delta": movement.delta,
        "on_hand_after": movement.on_hand_after,
        "reason": movement.reason,
        "reference": movement.reference,
        "note": movement.note,
        "transfer_id": movement.transfer_id,
        "reversal_of_id": movement.reversal_of_id,
        "actor": movement.actor,
        "request_id": movement.request_id,
        "created_at": movement.created_at,
    }
