"""The collection ``inventory`` as the former service had it: for programs that read it there.

``{product_id, quantity, last_updated}`` and nothing else, so there is no room for a version. It
follows the documents beside it, which carry theirs: one at a time copies from them, and whoever
wrote a document copies after that. So what is copied last is newest.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db import connection, connections
from pymongo import DeleteOne, UpdateOne

from catalogue.models import Document
from catalogue.routing import CATALOGUE
from common.database import in_transaction

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

INVENTORY: Final = "inventory"
BY_PRODUCT: Final = [("product_id", 1)]
COPYING: Final = 0x636F7079  # names the advisory lock: one at a time reads documents and copies
PATIENCE: Final = "30s"
COLUMNS: Final = ("pk", "quantity", "stock_updated_at", "is_gone")

Figures = tuple[int, datetime]


def prepare() -> None:
    """Fails where the former service has left two inventories of one product.

    It may have left its unique index too, under any name: a second one is refused.
    """
    indexes = _collection().index_information().values()
    if not any(one.get("unique") and one["key"] == BY_PRODUCT for one in indexes):
        _collection().create_index(BY_PRODUCT, name="product_id_unique", unique=True)


@in_transaction
def follow(product_ids: Collection[UUID]) -> None:
    """Let the inventories of these products be as their documents are now.

    In PostgreSQL's transaction, for the lock. Locks: the copying (docs/locking.md).
    """
    wait_for_turn()
    known, wanted = _found(product_ids), _told(product_ids)
    changes: list[Any] = [
        UpdateOne(
            {"product_id": str(pk)},
            {"$set": {"quantity": quantity, "last_updated": moment}},
            upsert=True,
        )
        for pk, (quantity, moment) in wanted.items()
        if known.get(pk) != (quantity, moment)
    ]
    changes += [DeleteOne({"product_id": str(pk)}) for pk in known.keys() - wanted.keys()]
    if changes:
        _collection().bulk_write(changes, ordered=False)


def wait_for_turn() -> None:
    """Longer than requests wait: whoever has it waits for several answers of MongoDB."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [COPYING])


def forget(product_ids: Collection[UUID]) -> None:
    _collection().delete_many({"product_id": {"$in": [str(pk) for pk in product_ids]}})


def differing(product_ids: Collection[UUID]) -> Iterator[tuple[UUID, object, object]]:
    """Inventories that are not as the documents are: id, found, expected; None: there is none."""
    found, wanted = _found(product_ids), _told(product_ids)
    for pk in found.keys() | wanted.keys():
        if found.get(pk) != wanted.get(pk):
            yield pk, found.get(pk), wanted.get(pk)


def _collection() -> Any:
    mongodb: Any = connections[CATALOGUE]
    return mongodb.get_collection(INVENTORY)


def _found(product_ids: Collection[UUID]) -> dict[UUID, Figures]:
    rows = _collection().find({"product_id": {"$in": [str(pk) for pk in product_ids]}})
    return {UUID(row["product_id"]): (row.get("quantity"), row.get("last_updated")) for row in rows}


def _told(product_ids: Collection[UUID]) -> dict[UUID, Figures]:
    """By the documents; a product without a stock level has no inventory."""
    rows = Document.objects.filter(pk__in=list(product_ids)).values_list(*COLUMNS)
    return {
        pk: (quantity, _in_milliseconds(moment))
        for pk, quantity, moment, is_gone in rows
        if moment and not is_gone
    }


def _in_milliseconds(moment: datetime) -> datetime:
    """As MongoDB keeps moments, and gives them back: in UTC, without saying so."""
    plain = moment.astimezone(UTC).replace(tzinfo=None)
    return plain.replace(microsecond=plain.microsecond // 1000 * 1000)
