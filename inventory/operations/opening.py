"""Stock that comes from another system, many products at a time."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import connection

from common.database import in_transaction
from common.ids import id_at, new_id
from common.observability.context import current

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime

    from inventory.models import Location

STANDINGS: Final = """
SELECT new.*,
    CASE
        WHEN product.id IS NULL THEN 'no_product'
        WHEN here.on_hand = new.quantity THEN 'same'
        WHEN here.on_hand IS NOT NULL THEN 'different'
        WHEN product.deleted_at IS NOT NULL THEN 'deleted_product'
        ELSE 'new'
    END AS standing
FROM json_to_recordset(%(rows)s::json) AS new (
    product_id uuid, level_id uuid, movement_id uuid, quantity bigint, at timestamptz
)
LEFT JOIN products_product AS product ON product.id = new.product_id
LEFT JOIN LATERAL (
    SELECT sum(on_hand) AS on_hand FROM inventory_stocklevel WHERE product_id = new.product_id
) AS here ON true
"""
COMPARE: Final = f"SELECT product_id, standing FROM ({STANDINGS}) AS found"  # noqa: S608  our own
OPEN: Final = f"""
WITH found AS ({STANDINGS}),
made AS (
    INSERT INTO inventory_stocklevel (
        id, product_id, location_id, on_hand, reserved, safety_stock,
        movement_count, version, created_at, updated_at
    )
    SELECT level_id, product_id, %(location)s, quantity, 0, 0,
        sign(quantity), 1 + sign(quantity), at, at
    FROM found WHERE standing = 'new' ORDER BY product_id
    ON CONFLICT DO NOTHING
    RETURNING id
),
moved AS (
    INSERT INTO inventory_stockmovement (
        id, stock_level_id, product_id, location_id, sequence, delta, on_hand_after, reason,
        reference, note, actor, request_id, created_at
    )
    SELECT movement_id, level_id, product_id, %(location)s, 1, quantity, quantity, 'receipt',
        '', '', %(actor)s, %(request_id)s, at
    FROM found JOIN made ON made.id = level_id
    WHERE quantity > 0
)
SELECT product_id, standing, made.id IS NULL AND standing = 'new' AS is_late
FROM found LEFT JOIN made ON made.id = level_id
"""  # noqa: S608  likewise


@dataclass(frozen=True, slots=True)
class OpeningStock:
    """Units of a product that were on hand at a moment in the past, by another system's account."""

    product_id: UUID
    quantity: int
    at: datetime


class Standing(StrEnum):
    """How a product's opening stock compares with its stock here, at all locations together."""

    NEW = "new"
    SAME = "same"
    DIFFERENT = "different"
    NO_PRODUCT = "no_product"
    DELETED_PRODUCT = "deleted_product"


def standings(openings: Iterable[OpeningStock]) -> dict[UUID, Standing]:
    """How each of them compares with the stock of its product. One for each product."""
    with connection.cursor() as cursor:
        cursor.execute(COMPARE, {"rows": _rows(openings)})
        return {product_id: Standing(name) for product_id, name in cursor}


@in_transaction
def open_imported(*, openings: Sequence[OpeningStock], location: Location) -> dict[UUID, Standing]:
    """Give living products that have no stock level yet their first one, at the location.

    Units above zero are movement 1, a receipt, at the moment they are known of; a product with
    stock, wherever, is left as it is. Returns how each compared before. Records no events (see
    ``products.importing``). Quantities are not negative, moments past; one for each product.

    Locks: nothing that is there; new levels wait for whoever makes the same (docs/locking.md).
    """
    found, late = {}, set()
    cause = current()
    parameters: dict[str, str | UUID] = {
        "rows": _rows(openings),
        "location": location.pk,
        "actor": cause.actor,
        "request_id": cause.request_id,
    }
    with connection.cursor() as cursor:
        cursor.execute(OPEN, parameters)
        for product_id, name, is_late in cursor:
            found[product_id] = Standing(name)
            if is_late:
                late.add(product_id)
    if late:  # another opened it meanwhile, and the database waited for that
        found |= standings(each for each in openings if each.product_id in late)
    return found


def _rows(openings: Iterable[OpeningStock]) -> str:
    return json.dumps(
        [
            {
                "product_id": str(each.product_id),
                "level_id": str(new_id()),
                "movement_id": str(id_at(each.at)),
                "quantity": each.quantity,
                "at": each.at.isoformat(),
            }
            for each in openings
        ]
    )
