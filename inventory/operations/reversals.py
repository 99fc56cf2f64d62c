"""Correcting a mistake: never by editing the ledger, always by the opposite."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import NotFound
from inventory import rules
from inventory.errors import AlreadyReversed, InsufficientStock, PartOfTransfer, Shortage
from inventory.models import StockMovement, Transfer
from inventory.operations.ledger import Ledger, Why
from inventory.operations.transfers import write_transfer

if TYPE_CHECKING:
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
    if movement.transfer_id:
        raise PartOfTransfer("Reverse the whole transfer instead.", status="transfer")
    ledger = Ledger.locked([movement.product_id])
    product = ledger.product(movement.product_id)
    if StockMovement.objects.filter(reversal_of=movement).exists():  # asked again under the lock
        raise AlreadyReversed("This movement has been reversed already.", status="reversed")
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
    opposite = ledger.move(
        level,
        -movement.delta,
        Why("reversal", movement.reference, note, reversal_of=movement),
    )
    ledger.write()
    return opposite


@in_transaction
def reverse_transfer(*, transfer_id: UUID, note: str = "") -> Transfer:
    """Move the units of a transfer back, once.

    Refuses with NotFound, AlreadyReversed, InsufficientStock and QuantityLimit.

    Locks: the product's levels (docs/locking.md).
    """
    original = (
        Transfer.objects.select_related("product", "from_location", "to_location")
        .filter(pk=transfer_id)
        .first()
    )
    if original is None:
        raise NotFound("There is no such transfer.")
    ledger = Ledger.locked([original.product_id])
    if Transfer.objects.filter(reversal_of=original).exists():  # asked again under the lock
        raise AlreadyReversed("This transfer has been reversed already.", status="reversed")
    opposite = Transfer(
        product=ledger.product(original.product_id),
        from_location=original.to_location,
        to_location=original.from_location,
        quantity=original.quantity,
        reference=original.reference,
        note=note,
        reversal_of=original,
    )
    write_transfer(ledger, opposite)
    return opposite
