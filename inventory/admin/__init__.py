"""Stock in the back office."""

from common.backoffice.sentences import know
from inventory.admin.batches import BatchAdmin
from inventory.admin.count_sheets import CountSheetAdmin
from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin
from inventory.admin.replenishment import ReplenishmentAdmin
from inventory.admin.reservations import ReservationAdmin
from inventory.admin.sentences import SENTENCES
from inventory.admin.transfers import TransferAdmin

__all__ = [
    "BatchAdmin",
    "CountSheetAdmin",
    "LocationAdmin",
    "ReplenishmentAdmin",
    "ReservationAdmin",
    "StockLevelAdmin",
    "StockMovementAdmin",
    "TransferAdmin",
]

know(SENTENCES)
