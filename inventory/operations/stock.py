"""Adjusting stock: one change, many, or the first one of a product."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import Duplicate, VersionMismatch
from common.events.recording import record
from inventory import queries, rules
from inventory.errors import BelowReserved, InsufficientStock, Shortage
from inventory.models import Location, StockLevel
from inventory.operations.facts import unmoved
from inventory.operations.ledger import (
    Ledger,
    Why,
    living_product,
    location_named,
    product_with,
)
from inventory.operations.promises import Source

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID


@in_transaction
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

    Locks: all levels of all products named, a new location against deletion (docs/locking.md).
    """
    product_ids = list(dict.fromkeys(change.product_id for change in changes))
    ledger = Ledger.locked(product_ids, at=at)
    _check_version(ledger, product_ids, expected_version)
    for change, postings in _decided(ledger, changes):
        for posting in postings:
            product = ledger.product(change.product_id)
            level = ledger.level_at(product, posting.location_id)
            ledger.move(level, posting.delta, Why(posting.reason, change.reference, change.note))
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


Decided = list[tuple[rules.Change, list[rules.Posting]]]


def _decided(ledger: Ledger, changes: Sequence[rules.Change]) -> Decided:
    """The movements for each change; holds past their time are let go where they are in the way."""
    try:
        return _decide(ledger, changes)
    except (InsufficientStock, BelowReserved):
        if not ledger.promises.free_overdue({change.product_id for change in changes}):
            raise
    return _decide(ledger, changes)


def _decide(ledger: Ledger, changes: Sequence[rules.Change]) -> Decided:
    """Each change decided on what the ones before it leave.

    All short lines are found before any is refused.
    """
    levels = {change.product_id: ledger.facts(change.product_id) for change in changes}
    decided: Decided = []
    shortages: list[Shortage] = []
    for change in changes:
        at = ledger.location_id(change.location) if change.location else None
        try:
            postings = rules.decide(
                change,
                levels[change.product_id],
                at=at,
                default=_default_location(change, levels[change.product_id]),
                sku=ledger.product(change.product_id).sku,
            )
        except InsufficientStock as refusal:
            shortages.extend(refusal.shortages)
            continue
        except BelowReserved as refusal:
            refusal.name(queries.holds_on(ledger.levels_of(change.product_id), at))
            raise
        levels[change.product_id] = rules.applied(levels[change.product_id], postings)
        decided.append((change, postings))
    if shortages:
        raise InsufficientStock(shortages)
    return decided


def _release_latest(ledger: Ledger, product_id: UUID) -> None:
    """After counts that may release: where less was found than is promised."""
    for level in ledger.levels_of(product_id):
        if level.reserved > level.on_hand:
            ledger.promises.free_latest(product_id, Source(level.pk, None))


def _default_location(change: rules.Change, levels: Sequence[rules.Level]) -> UUID | None:
    """Looked up only for what is added to a product at several locations."""
    if change.location or len(levels) == 1 or (change.delta or 0) < 0:
        return None
    return Location.objects.default().pk
