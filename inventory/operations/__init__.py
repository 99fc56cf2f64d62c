"""Every write to stock: lock, decide, write, record the event.

Locks are taken in one order everywhere, see docs/locking.md: product, reservation, stock level
(by primary key), batch, movement, event.
"""

from inventory.operations.batches import change_batch, create_batch, receive_batch
from inventory.operations.lines import Wanted, summed
from inventory.operations.locations import change_location, create_location, delete_location
from inventory.operations.opening import open_imported
from inventory.operations.reservations import (
    confirm,
    expire_reservations,
    extend,
    refuse_if_reserved,
    release,
    ship,
)
from inventory.operations.reserving import reserve
from inventory.operations.reversals import reverse_movement, reverse_transfer
from inventory.operations.settings import set_reorder_settings
from inventory.operations.stock import adjust_stock, open_inventory
from inventory.operations.transfers import transfer_stock

__all__ = [
    "Wanted",
    "adjust_stock",
    "change_batch",
    "change_location",
    "confirm",
    "create_batch",
    "create_location",
    "delete_location",
    "expire_reservations",
    "extend",
    "open_imported",
    "open_inventory",
    "receive_batch",
    "refuse_if_reserved",
    "release",
    "reserve",
    "reverse_movement",
    "reverse_transfer",
    "set_reorder_settings",
    "ship",
    "summed",
    "transfer_stock",
]
