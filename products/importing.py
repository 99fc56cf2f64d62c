"""Products that come with their history from another catalogue, many at a time.

They keep their ids and stamps. No events are recorded: what another system knew already is no
news, and a million facts at once would hold up those that are (docs/migrating.md).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import connection

from common.database import in_transaction
from products import rules

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from decimal import Decimal

ATTEMPTS: Final = 100
"""At SKUs for one product: of a million products about one needs a second."""

FOUND: Final = """
WITH new AS (
    SELECT * FROM json_to_recordset(%s::json) AS new (
        id uuid, sku text, name text, description text, price numeric, images text[],
        created_at timestamptz, updated_at timestamptz
    )
),
here AS (
    SELECT product.id,
        product.name = new.name AND product.description = new.description
            AND product.price = new.price AND product.images = new.images AS is_same
    FROM new JOIN products_product AS product ON product.id = new.id
)
"""
COMPARE: Final = f"{FOUND} SELECT id, is_same FROM here"  # noqa: S608  made of our own words
IMPORT: Final = f"""
{FOUND},
made AS (
    INSERT INTO products_product (
        id, sku, name, description, price, images, status, version, created_at, updated_at
    )
    SELECT id, sku, name, description, price, images, 'active', 1, created_at, updated_at
    FROM new WHERE id NOT IN (SELECT id FROM here) ORDER BY id
    ON CONFLICT DO NOTHING
    RETURNING id
)
SELECT id, is_same FROM here UNION ALL SELECT id, NULL FROM made
"""  # noqa: S608  likewise


@dataclass(frozen=True, slots=True)
class ImportedProduct:
    """A product as another catalogue knows it, its facts checked by the rules of ours."""

    id: UUID
    name: str
    description: str
    price: Decimal
    images: list[str]
    created_at: datetime
    updated_at: datetime


def compared(products: Iterable[ImportedProduct]) -> dict[UUID, bool | None]:
    """Which of them are here already, deleted ones too, and whether they are still the same."""
    with connection.cursor() as cursor:
        cursor.execute(COMPARE, [_rows(products)])
        return dict(cursor.fetchall())


@in_transaction
def import_products(*, products: Sequence[ImportedProduct]) -> dict[UUID, bool | None]:
    """Add those that are not here yet, and leave the others as they are.

    Each gets the SKU that follows from its id, or the next one when that is taken. Returns for
    each whether what was here is the same; None where nothing was. The caller has checked the
    facts.

    Locks: nothing that is there (docs/locking.md).
    """
    found: dict[UUID, bool | None] = {}
    waiting = list(products)
    for attempt in range(ATTEMPTS):
        with connection.cursor() as cursor:
            cursor.execute(IMPORT, [_rows(waiting, attempt)])
            found.update(cursor.fetchall())
        waiting = [product for product in waiting if product.id not in found]
        if not waiting:
            return found
    raise RuntimeError(f"No SKU was free for {len(waiting)} products.")


def _rows(products: Iterable[ImportedProduct], attempt: int = 0) -> str:
    return json.dumps(
        [
            {
                "id": str(product.id),
                "sku": rules.sku_made_from(product.id, attempt),
                "name": product.name,
                "description": product.description,
                "price": str(product.price),
                "images": product.images,
                "created_at": product.created_at.isoformat(),
                "updated_at": product.updated_at.isoformat(),
            }
            for product in products
        ]
    )
