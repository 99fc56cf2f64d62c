"""Correcting a mistake: never by editing the ledger, always by the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import DomainError, NotFound, together
from inventory import rules
from inventory.errors import AlreadyReversed, InsufficientStock, PartOfTransfer, Shortage
from inventory.models import StockMovement, Transfer
from inventory.operations.ledger import Ledger, Why
from inventory.operations.transfers import write_transfers

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID


@in_transaction
def reverse_movement(*, movement_id: UUID, note: str = "") -> StockMovement:
    """Write the opposite of a movement, once.

    Refuses with NotFound, PartOfTransfer, AlreadyReversed, with InsufficientStock when the units
    that came in are gone or promised, and with QuantityLimit.

    Locks: the product's levels (docs/locking.md).
    """
    movement = StockMovement.objects.filter(pk=movement_id).first()
    if movement is None:
        raise NotFound("There is no such movement.")
    ledger = Ledger.locked([movement.product_id])
    is_again = StockMovement.objects.filter(reversal_of=movement).exists()  # asked under the lock
    opposite = _opposite(ledger, movement, note, is_again=is_again)
    ledger.write()
    return opposite


@in_transaction
def reverse_movements(*, movement_ids: Collection[UUID], note: str = "") -> list[StockMovement]:
    """Write the opposites of all these movements, the newest first, or of none of them.

    Refuses as ``reverse_movement`` does, for every movement at once; the refusal of each names
    it by its id (``meta["id"]``).

    Locks: all levels of all their products (docs/locking.md).
    """
    movements = list(StockMovement.objects.filter(pk__in=set(movement_ids)).newest_first())
    ledger = Ledger.locked({movement.product_id for movement in movements})
    rows = StockMovement.objects.filter(reversal_of__in=movements)  # asked under the lock
    reversed_before = set(rows.values_list("reversal_of_id", flat=True))
    opposites: list[StockMovement] = []
    refusals: list[DomainError] = []
    for movement in movements:
        is_again = movement.pk in reversed_before
        try:
            opposites.append(_opposite(ledger, movement, note, is_again=is_again))
        except DomainError as refusal:
            refusals.extend(_about(movement, refusal))
    if refusals:
        raise together(refusals)
    ledger.write()
    return opposites


def _about(row: StockMovement | Transfer, refusal: DomainError) -> Sequence[DomainError]:
    for problem in refusal.problems:
        problem.meta["id"] = str(row.pk)
    return refusal.problems


def _opposite(
    ledger: Ledger, movement: StockMovement, note: str, *, is_again: bool
) -> StockMovement:
    """The opposite of a movement of a product whose levels are locked, in memory."""
    if movement.transfer_id:
        raise PartOfTransfer("Reverse the whole transfer instead.", status="transfer")
    if is_again:
        raise AlreadyReversed("This movement has been reversed already.", status="reversed")
    product = ledger.product(movement.product_id)
    level = ledger.level_at(product, movement.location_id)
    available = ledger.available(level, movement.delta)
    if movement.delta > available:
        shortage = Shortage(
            requested=movement.delta,
            available=available,
            product_id=str(product.pk),
            sku=product.sku,
            attribute=None,
        )
        raise InsufficientStock([shortage])
    rules.check_limit(level.on_hand - movement.delta)
    why = Why("reversal", movement.reference, note, reversal_of=movement)
    return ledger.move(level, -movement.delta, why)


@in_transaction
def reverse_transfer(*, transfer_id: UUID, note: str = "") -> Transfer:
    """Move the units of a transfer back, once.

    Refuses with NotFound, AlreadyReversed, InsufficientStock and QuantityLimit.

    Locks: the product's levels (docs/locking.md).
    """
    (opposite,) = reverse_transfers(transfer_ids=[transfer_id], note=note)
    return opposite


@in_transaction
def reverse_transfers(*, transfer_ids: Collection[UUID], note: str = "") -> list[Transfer]:
    """Move the units of all these transfers back, or of none of them.

    Refuses with NotFound, AlreadyReversed, InsufficientStock (every short one) and QuantityLimit.

    Locks: all levels of all their products (docs/locking.md).
    """
    rows = Transfer.objects.select_related("product", "from_location", "to_location")
    originals = list(rows.filter(pk__in=set(transfer_ids)).order_by("-pk"))
    if len(originals) < len(set(transfer_ids)):
        raise NotFound("There is no such transfer.")
    ledger = Ledger.locked({original.product_id for original in originals})
    again = set(  # asked under the lock
        Transfer.objects.filter(reversal_of__in=originals).values_list("reversal_of_id", flat=True)
    )
    if refused := [original for original in originals if original.pk in again]:
        raise together([_reversed(original) for original in refused])
    opposites = [
        Transfer(
            product=ledger.product(original.product_id),
            from_location=original.to_location,
            to_location=original.from_location,
            quantity=original.quantity,
            reference=original.reference,
            note=note,
            reversal_of=original,
        )
        for original in originals
    ]
    write_transfers(ledger, opposites)
    return opposites


def _reversed(transfer: Transfer) -> AlreadyReversed:
    sentence = "This transfer has been reversed already."
    return AlreadyReversed(sentence, status="reversed", id=str(transfer.pk))
