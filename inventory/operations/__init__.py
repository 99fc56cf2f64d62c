"""Every write to stock: lock, decide, write, record the event.

Locks are taken in one order everywhere: product, stock level (by primary key), movement, event.
"""

from inventory.operations.locations import change_location, create_location, delete_location
from inventory.operations.reversals import reverse_movement, reverse_transfer
from inventory.operations.settings import set_reorder_settings
from inventory.operations.stock import adjust_stock, open_inventory
from inventory.operations.transfers import transfer_stock

__all__ = [
    "adjust_stock",
    "change_location",
    "create_location",
    "delete_location",
    "open_inventory",
    "reverse_movement",
    "reverse_transfer",
    "set_reorder_settings",
    "transfer_stock",
]
