"""The addresses of the inventory, below /api/v1/."""

from common.api.routers import resource_routes
from inventory.api.views import (
    InventoryView,
    LocationView,
    StockLevelView,
    StockMovementView,
    TransferView,
)

urlpatterns = [
    route
    for view in (InventoryView, LocationView, StockLevelView, StockMovementView, TransferView)
    for route in resource_routes(view)
]
