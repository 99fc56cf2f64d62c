"""Stock in the back office."""

from inventory.admin.batches import BatchAdmin
from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin
from inventory.admin.reservations import ReservationAdmin
from inventory.admin.transfers import TransferAdmin

__all__ = [
    "BatchAdmin",
    "LocationAdmin",
    "ReservationAdmin",
    "StockLevelAdmin",
    "StockMovementAdmin",
    "TransferAdmin",
]
