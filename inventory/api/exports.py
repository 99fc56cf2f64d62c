"""Stock and its ledger as a whole, for machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rest_framework import serializers as drf

from common.api.exports.views import ExportView
from inventory.api.views import StockLevelView, StockMovementView

if TYPE_CHECKING:
    from collections.abc import Sequence

PLACES = {
    "product_id": drf.UUIDField(),
    "sku": drf.CharField(source="product.sku"),
    "location_id": drf.UUIDField(),
    "location": drf.CharField(source="location.code"),
}


class StockLevelExport(ExportView, StockLevelView):
    """All stock levels."""

    joined = PLACES


class StockMovementExport(ExportView, StockMovementView):
    """The ledger, oldest first."""

    joined = PLACES | {"stock_level_id": drf.UUIDField()}

    def walking_order(self) -> Sequence[str]:
        """By time where the list is, for the same reason."""
        return [name.removeprefix("-") for name in self.requested_order()]
