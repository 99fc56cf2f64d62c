"""The tables of the inventory."""

from inventory.models.checks import LedgerCheck
from inventory.models.counts import CountLine, CountSheet
from inventory.models.days import StockDay
from inventory.models.promises import Allocation, Batch, Reservation, ReservationLine
from inventory.models.replenishment import Replenishment
from inventory.models.stock import MAX_ON_HAND, Location, StockLevel, StockMovement, Transfer

__all__ = [
    "MAX_ON_HAND",
    "Allocation",
    "Batch",
    "CountLine",
    "CountSheet",
    "LedgerCheck",
    "Location",
    "Replenishment",
    "Reservation",
    "ReservationLine",
    "StockDay",
    "StockLevel",
    "StockMovement",
    "Transfer",
]
