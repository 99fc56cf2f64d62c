"""Changes of stock, decided and made under their locks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.bulkhead import TooManyWait
from inventory import rules
from inventory.errors import BelowReserved, InsufficientStock, Shortage
from inventory.operations.ledger import Why

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from inventory.models import StockMovement
    from inventory.operations.ledger import Ledger

Decided = list[tuple[rules.Change, list[rules.Posting]]]


def carry_out(ledger: Ledger, changes: Sequence[rules.Change]) -> list[StockMovement]:
    """Move what each change asks for, decided on what those before it leave; or refuse them all.

    Returns the movements. Refuses as ``operations.adjust_stock`` does, before anything has moved.
    """
    movements = []
    for change, postings in _decided(ledger, changes):
        for posting in postings:
            product = ledger.product(change.product_id)
            level = ledger.level_at(product, posting.location_id)
            if change.delta is None and change.count != level.on_hand + posting.delta:
                raise TooManyWait("Somebody has just made the level that this was to make.")
            why = Why(posting.reason, change.reference, change.note)
            movements.append(ledger.move(level, posting.delta, why))
    return movements


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
                default=_default_location(ledger, change, levels[change.product_id]),
                sku=ledger.product(change.product_id).sku,
            )
        except InsufficientStock as refusal:
            shortages.extend(refusal.shortages)
            continue
        except BelowReserved as refusal:
            ledger.name_holds(refusal, change.product_id, at)
            raise
        levels[change.product_id] = rules.applied(levels[change.product_id], postings)
        decided.append((change, postings))
    if shortages:
        raise InsufficientStock(shortages)
    return decided


def _default_location(
    ledger: Ledger, change: rules.Change, levels: Sequence[rules.Level]
) -> UUID | None:
    """Looked up only for what is added to a product at several locations."""
    if change.location or len(levels) == 1 or (change.delta or 0) < 0:
        return None
    return ledger.default_location().pk
