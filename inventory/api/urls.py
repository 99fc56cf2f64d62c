"""The addresses of the inventory, below /api/v1/."""

from common.api.routers import resource_routes
from inventory.api.promises import AvailabilityView, BatchView, ReservationView
from inventory.api.views import (
    InventoryView,
    LocationView,
    StockLevelView,
    StockMovementView,
    TransferView,
)

VIEWS = (
    InventoryView,
    LocationView,
    StockLevelView,
    StockMovementView,
    TransferView,
    BatchView,
    ReservationView,
    AvailabilityView,
)

urlpatterns = [route for view in VIEWS for route in resource_routes(view)]
