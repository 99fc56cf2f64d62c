"""Thousands of products with their stock, written past the operations: by COPY, in one transaction.

What the operations promise holds all the same, and ``verify_stock`` finds the ledger as they would
have written it. Only events are left out: a million of them would be no news to anybody.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connection

from common.observability.context import current
from inventory.management.demo import rows
from inventory.management.demo.assortment import KINDS
from inventory.management.demo.binary import copy
from inventory.management.demo.suspension import suspended
from products.operations import create_category

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from uuid import UUID

    from inventory.management.demo.trade import Stock
    from inventory.management.demo.watching import Watch

PRODUCTS: Final = "products_product"
LEVELS: Final = "inventory_stocklevel"
MOVEMENTS: Final = "inventory_stockmovement"
FILLED: Final = (PRODUCTS, LEVELS, MOVEMENTS)
SETTINGS: Final = {
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "maintenance_work_mem": "256MB",
}


def lock() -> None:
    """Keep everybody else from the tables until the transaction ends, however long it takes."""
    with connection.cursor() as cursor:
        for name, value in SETTINGS.items():
            cursor.execute(f"SET LOCAL {name} = '{value}'")
        cursor.execute(f"LOCK TABLE {', '.join(FILLED)} IN ACCESS EXCLUSIVE MODE")


@contextmanager
def filling(watched: Watch) -> Iterator[None]:
    """The block fills the tables, which are locked and empty; afterwards plans know of it.

    TRUNCATE removes nothing: it lets COPY write rows as if VACUUM had been there already.
    """
    with connection.cursor() as cursor:
        with suspended(FILLED, watched):
            cursor.execute(f"TRUNCATE {', '.join(FILLED)}")
            yield
        with watched("statistics", len(FILLED)) as bar:
            for table in FILLED:
                cursor.execute(f"ANALYZE {table}")
                bar.update()


def make_shelves(categories: Mapping[str | None, UUID | None]) -> dict[str, UUID]:
    """Add the shelves of the assortment to the categories there are; the id of each."""
    return {
        kind.shelf: create_category(name=kind.shelf, parent_id=categories[kind.above]).pk
        for kind in KINDS
    }


def fill(
    stock: Stock,
    trade: int,
    shelves: Mapping[str, UUID],
    locations: Sequence[UUID],
    image_base: str,
    watched: Watch,
) -> None:
    """Write products, the first movement of each stock level and so many more, and the levels.

    ``locations`` are the ids of the main one and of the depot.
    """
    with watched("products", stock.products) as bar:
        lines = rows.products(stock, shelves, image_base)
        copy(PRODUCTS, rows.PRODUCT_COLUMNS, lines, bar)
    with watched("movements", stock.first_movements + trade) as bar:
        lines = rows.movements(stock.ledger(trade), stock, locations, current())
        copy(MOVEMENTS, rows.MOVEMENT_COLUMNS, lines, bar)
    with watched("stock levels", len(stock)) as bar:
        copy(LEVELS, rows.LEVEL_COLUMNS, rows.levels(stock, locations), bar)
