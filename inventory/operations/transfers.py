"""Moving stock from one location to another."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import Invalid
from common.ids import id_at
from common.observability.context import current
from inventory import rules
from inventory.errors import InsufficientStock, Shortage
from inventory.models import Transfer
from inventory.operations.ledger import Ledger, Why, location_named, product_with

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID


@in_transaction
def transfer_stock(
    *,
    product_id: UUID | None = None,
    sku: str | None = None,
    from_location: str,
    to_location: str,
    quantity: int,
    reference: str = "",
    note: str = "",
    at: datetime | None = None,
) -> Transfer:
    """Move units of one product between two locations: both movements, or none.

    The product by id or SKU, locations by code or id. ``at`` is for writing history, see
    ``Ledger``. Refuses with NotFound, Invalid, InsufficientStock and QuantityLimit.

    Locks: both locations against deletion, the product's levels (docs/locking.md).
    """
    source = location_named(from_location, attribute="from_location")
    target = location_named(to_location, attribute="to_location")
    if source == target:
        raise Invalid("The two locations must differ.", attribute="to_location")
    wanted = product_with(product_id, sku)
    ledger = Ledger.locked([wanted], at=at)
    transfer = Transfer(
        product=ledger.product(wanted, attribute="product_id" if product_id else "sku"),
        from_location=source,
        to_location=target,
        quantity=quantity,
        reference=reference,
        note=note,
    )
    if at is not None:
        transfer.pk, transfer.created_at = id_at(at), at
    write_transfer(ledger, transfer)
    return transfer


def write_transfer(ledger: Ledger, transfer: Transfer) -> None:
    """Decide and write a transfer of a product whose levels are locked."""
    product, quantity = transfer.product, transfer.quantity
    before = {level.location_id: level for level in ledger.levels_of(product.pk)}
    source = before.get(transfer.from_location.pk)
    target = before.get(transfer.to_location.pk)
    available = ledger.available(source, quantity) if source else 0
    if source is None or available < quantity:
        shortage = Shortage(
            requested=quantity,
            available=available,
            product_id=str(product.pk),
            sku=product.sku,
            attribute="quantity",
        )
        raise InsufficientStock([shortage])
    rules.check_limit((target.on_hand if target else 0) + quantity)
    transfer.actor, transfer.request_id = current().actor, current().request_id
    transfer.save(force_insert=True)
    out = Why("transfer_out", transfer.reference, transfer.note, transfer)
    ledger.move(source, -quantity, out)
    arrived = ledger.level_at(product, transfer.to_location.pk)
    movement = ledger.move(arrived, quantity, replace(out, reason="transfer_in"))
    ledger.write()
    transfer.created_at = movement.created_at
