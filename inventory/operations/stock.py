"""Adjusting stock: one change, many, or the first one of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import Duplicate, VersionMismatch
from common.events.recording import record
from common.idempotency.once import applied_once
from inventory.models import Location, StockLevel
from inventory.operations import deltas
from inventory.operations.changes import carry_out
from inventory.operations.facts import unmoved
from inventory.operations.ledger import Ledger, Why
from inventory.operations.naming import living_product, location_named, product_with
from inventory.operations.promises import Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from common.idempotency.once import Answer
    from inventory import queries, rules
    from inventory.operations.deltas import Key


def adjust_stock(
    *,
    changes: Sequence[rules.Change],
    expected_version: int | None = None,
    at: datetime | None = None,
) -> list[queries.Inventory]:
    """Carry out all the changes, in their order, or none of them.

    A delta of units, or an absolute count guarded by what the counter saw; a count that is equal
    to the current quantity changes nothing. ``expected_version`` is the inventory's version that
    the caller has seen, for changes of one product. Returns the inventory of each product after
    the changes, in their order. ``at`` is for writing history, see ``Ledger``.

    Refuses with NotFound, VersionMismatch, Invalid, InsufficientStock (naming every short line),
    QuantityLimit, LocationRequired, PreconditionRequired, StaleQuantity and BelowReserved.

    One delta alone, in a transaction of its own, shares that transaction with others of the same
    product that come at the same time (``deltas``).

    Locks: all levels of all products named, a new location against deletion (docs/locking.md).
    """
    if expected_version is None and at is None and deltas.may_share(changes):
        return [deltas.shared(changes[0])]
    return _adjusted(changes, expected_version, at)


def adjust_stock_once(*, change: rules.Change, key: Key) -> Answer | None:
    """Carry out one change for a request with a key, and keep its answer; or neither.

    Returns the answer, or None when there is one already. Refuses as ``adjust_stock`` does, and
    with KeyReused and InProgress (``common.idempotency``); what it refuses is not kept.

    Locks: the key's scope, which is only tried, and then as ``adjust_stock``.
    """
    if deltas.may_share([change]):
        return deltas.shared_once(change, key)
    _, answer = applied_once(
        key.claim.scope,
        key.claim.fingerprint,
        lambda: key.answer(adjust_stock(changes=[change])[0]),
    )
    return answer


@in_transaction
def _adjusted(
    changes: Sequence[rules.Change], expected_version: int | None, at: datetime | None
) -> list[queries.Inventory]:
    """All of them, or none.

    Locks: all levels of all products named, a new location against deletion (docs/locking.md).
    """
    product_ids = list(dict.fromkeys(change.product_id for change in changes))
    ledger = Ledger.locked(product_ids, at=at)
    _check_version(ledger, product_ids, expected_version)
    carry_out(ledger, changes)
    for product_id in product_ids:
        _release_latest(ledger, product_id)
    ledger.write()
    return [ledger.inventory(product_id) for product_id in product_ids]


@in_transaction
def open_inventory(
    *,
    product_id: UUID | None = None,
    sku: str | None = None,
    quantity: int = 0,
    location: str | None = None,
    at: datetime | None = None,
) -> queries.Inventory:
    """Give a product its first stock at a location; units above zero are movement 1, a receipt.

    The product by id or SKU. The default location when none is named. ``at`` is for writing
    history, see ``Ledger``. Refuses with NotFound, and with Duplicate when the product has a
    stock level there already.

    Locks: product and location against deletion, the product's levels (docs/locking.md).
    """
    product = living_product(product_with(product_id, sku))
    place = location_named(location) if location else Location.objects.default()
    ledger = Ledger.locked([product.pk], at=at)  # before the new level, as those do who fill it
    if not _is_new(StockLevel(product=product, location=place)):
        raise Duplicate(f"{product.sku} has a stock level at {place.code} already; change that.")
    level = ledger.level_at(product, place.pk)
    if quantity:
        ledger.move(level, quantity, Why("receipt"))
        ledger.write()
    else:
        record([unmoved(level, "opened")])
    return ledger.inventory(product.pk)


def _is_new(level: StockLevel) -> bool:
    """Insert the level, unless there is one: without an error, which would end the transaction."""
    StockLevel.objects.bulk_create([level], ignore_conflicts=True)
    return StockLevel.objects.filter(pk=level.pk).exists()


def _check_version(
    ledger: Ledger, product_ids: Sequence[UUID], expected_version: int | None
) -> None:
    for product_id in product_ids:
        ledger.product(product_id)  # refuses what has no inventory
    if expected_version is None:
        return
    if [expected_version] != [ledger.inventory(pk).version for pk in product_ids]:
        raise VersionMismatch("The stock has changed since; fetch it and decide again.")


def _release_latest(ledger: Ledger, product_id: UUID) -> None:
    """After counts that may release: where less was found than is promised."""
    for level in ledger.levels_of(product_id):
        if level.reserved > level.on_hand:
            ledger.promises.free_latest(product_id, Source(level.pk, None))
