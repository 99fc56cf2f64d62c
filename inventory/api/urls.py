"""The addresses of the inventory, below /api/v1/."""

from django.urls import re_path

from common.api.routers import UUID, resource_routes
from inventory.api.explain import ExplanationView
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
    *(route for view in VIEWS for route in resource_routes(view)),
    re_path(
        rf"^inventory/(?P<pk>{UUID})/explain/?$",
        ExplanationView.as_view({"get": "retrieve"}),
        name="inventory-explain",
    ),
]
