"""Moving stock from one location to another."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import Invalid
from common.ids import id_at
from common.observability.context import current
from inventory import rules
from inventory.errors import InsufficientStock, Shortage
from inventory.models import Transfer
from inventory.operations.ledger import Ledger, Why
from inventory.operations.naming import location_named, product_with

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime
    from uuid import UUID

    from inventory.models import StockLevel, StockMovement


@dataclass(frozen=True, slots=True)
class Move:
    """So many units of a product from one location to another; locations by code or id."""

    product_id: UUID
    from_location: str
    to_location: str
    quantity: int


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
    write_transfers(ledger, [transfer])
    return transfer


@in_transaction
def transfer_all(*, moves: Sequence[Move], reference: str = "", note: str = "") -> list[Transfer]:
    """Carry out all the moves, or none of them; a transfer for each.

    Refuses with NotFound, Invalid, InsufficientStock (naming every short line) and QuantityLimit.

    Locks: the locations against deletion, all levels of all products named (docs/locking.md).
    """
    codes = sorted({code for move in moves for code in (move.from_location, move.to_location)})
    places = {code: location_named(code) for code in codes}
    if any(places[move.from_location] == places[move.to_location] for move in moves):
        raise Invalid("The two locations must differ.", attribute="to_location")
    ledger = Ledger.locked({move.product_id for move in moves})
    transfers = [
        Transfer(
            product=ledger.product(move.product_id),
            from_location=places[move.from_location],
            to_location=places[move.to_location],
            quantity=move.quantity,
            reference=reference,
            note=note,
        )
        for move in moves
    ]
    write_transfers(ledger, transfers)
    return transfers


def write_transfers(ledger: Ledger, transfers: Sequence[Transfer]) -> None:
    """Decide and write transfers of products whose levels are locked: all of them, or none.

    What one of them brings to a place is not there yet for another one to take.
    """
    _check_units(ledger, transfers)
    _check_room(ledger, transfers)
    for transfer in transfers:
        transfer.actor, transfer.request_id = current().actor, current().request_id
    Transfer.objects.bulk_create(transfers)
    arrivals = [(transfer, _moved(ledger, transfer)) for transfer in transfers]
    ledger.write()
    for transfer, arrival in arrivals:
        transfer.created_at = arrival.created_at


def _check_units(ledger: Ledger, transfers: Sequence[Transfer]) -> None:
    """Refuse what is not available where it is to be taken from, every short line at once."""
    taken: defaultdict[UUID, int] = defaultdict(int)
    shortages = []
    for transfer in transfers:
        source = _level(ledger, transfer.product_id, transfer.from_location_id)
        wanted = transfer.quantity + (taken[source.pk] if source else 0)
        available = ledger.available(source, wanted) - taken[source.pk] if source else 0
        if source is None or available < transfer.quantity:
            shortages.append(_shortage(transfer, available))
        else:
            taken[source.pk] = wanted
    if shortages:
        raise InsufficientStock(shortages)


def _shortage(transfer: Transfer, available: int) -> Shortage:
    return Shortage(
        requested=transfer.quantity,
        available=available,
        product_id=str(transfer.product_id),
        sku=transfer.product.sku,
        attribute="quantity",
    )


def _check_room(ledger: Ledger, transfers: Sequence[Transfer]) -> None:
    arriving: defaultdict[tuple[UUID, UUID], int] = defaultdict(int)
    for transfer in transfers:
        arriving[transfer.product_id, transfer.to_location_id] += transfer.quantity
    for (product_id, location_id), quantity in arriving.items():
        target = _level(ledger, product_id, location_id)
        rules.check_limit((target.on_hand if target else 0) + quantity)


def _level(ledger: Ledger, product_id: UUID, location_id: UUID) -> StockLevel | None:
    levels = ledger.levels_of(product_id)
    return next((level for level in levels if level.location_id == location_id), None)


def _moved(ledger: Ledger, transfer: Transfer) -> StockMovement:
    """Both movements of a transfer that has been decided; the one at its target."""
    why = Why("transfer_out", transfer.reference, transfer.note, transfer)
    source = ledger.level_at(transfer.product, transfer.from_location_id)
    ledger.move(source, -transfer.quantity, why)
    target = ledger.level_at(transfer.product, transfer.to_location_id)
    return ledger.move(target, transfer.quantity, replace(why, reason="transfer_in"))
