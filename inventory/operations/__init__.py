"""Every write to stock: lock, decide, write, record the event.

Locks are taken in one order everywhere, see docs/locking.md: product, reservation, stock level
(by primary key), batch, movement, event.
"""

from inventory.operations.adjusting import (
    Adjusted,
    Line,
    OnError,
    Standing,
    adjust_lines,
    rehearse_lines,
)
from inventory.operations.batches import (
    change_batch,
    create_batch,
    receive_batch,
    receive_batches,
)
from inventory.operations.checks import note_check
from inventory.operations.counts import Entry, Recorded, add_to_count, record_counts
from inventory.operations.days import summarise_days
from inventory.operations.deltas import Key
from inventory.operations.lines import Wanted, summed
from inventory.operations.locations import change_location, create_location, delete_location
from inventory.operations.opening import open_imported
from inventory.operations.ordering import Order, create_batches
from inventory.operations.releasing import release_all
from inventory.operations.reservations import (
    confirm,
    expire_reservations,
    extend,
    refuse_if_reserved,
    release,
    ship,
)
from inventory.operations.reserving import reserve
from inventory.operations.reversals import (
    reverse_movement,
    reverse_movements,
    reverse_transfer,
    reverse_transfers,
)
from inventory.operations.settings import set_reorder_settings, snooze
from inventory.operations.settling import Settled, Settlement, apply_lines
from inventory.operations.sheets import Selection, add_line, close_sheet, open_sheet
from inventory.operations.stock import adjust_stock, adjust_stock_once, open_inventory
from inventory.operations.transfers import Move, transfer_all, transfer_stock

__all__ = [
    "Adjusted",
    "Entry",
    "Key",
    "Line",
    "Move",
    "OnError",
    "Order",
    "Recorded",
    "Selection",
    "Settled",
    "Settlement",
    "Standing",
    "Wanted",
    "add_line",
    "add_to_count",
    "adjust_lines",
    "adjust_stock",
    "adjust_stock_once",
    "apply_lines",
    "change_batch",
    "change_location",
    "close_sheet",
    "confirm",
    "create_batch",
    "create_batches",
    "create_location",
    "delete_location",
    "expire_reservations",
    "extend",
    "note_check",
    "open_imported",
    "open_inventory",
    "open_sheet",
    "receive_batch",
    "receive_batches",
    "record_counts",
    "refuse_if_reserved",
    "rehearse_lines",
    "release",
    "release_all",
    "reserve",
    "reverse_movement",
    "reverse_movements",
    "reverse_transfer",
    "reverse_transfers",
    "set_reorder_settings",
    "ship",
    "snooze",
    "summarise_days",
    "summed",
    "transfer_all",
    "transfer_stock",
]
