"""The tables of the inventory."""

from inventory.models.promises import Allocation, Batch, Reservation, ReservationLine
from inventory.models.stock import MAX_ON_HAND, Location, StockLevel, StockMovement, Transfer

__all__ = [
    "MAX_ON_HAND",
    "Allocation",
    "Batch",
    "Location",
    "Reservation",
    "ReservationLine",
    "StockLevel",
    "StockMovement",
    "Transfer",
]
