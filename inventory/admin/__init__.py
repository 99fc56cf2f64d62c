"""Stock in the back office."""

from inventory.admin.levels import StockLevelAdmin
from inventory.admin.locations import LocationAdmin
from inventory.admin.movements import StockMovementAdmin, TransferAdmin

__all__ = ["LocationAdmin", "StockLevelAdmin", "StockMovementAdmin", "TransferAdmin"]
