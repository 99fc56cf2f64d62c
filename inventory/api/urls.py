"""The addresses of the inventory, below /api/v1/."""

from django.urls import re_path

from common.api.exports.views import export_route
from common.api.routers import UUID, resource_routes
from inventory.api.adjustments import AdjustmentView
from inventory.api.explain import ExplanationView
from inventory.api.exports import StockLevelExport, StockMovementExport
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

urlpatterns = [
    re_path(
        r"^inventory/adjustments/?$",
        AdjustmentView.as_view({"post": "create"}),
        name="inventory-adjustments",
    ),
    *(route for view in VIEWS for route in resource_routes(view)),
    re_path(
        rf"^inventory/(?P<pk>{UUID})/explain/?$",
        ExplanationView.as_view({"get": "retrieve"}),
        name="inventory-explain",
    ),
    export_route(StockLevelExport),
    export_route(StockMovementExport),
]
