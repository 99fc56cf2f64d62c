"""What tests of the pages about what is to be ordered share."""

from __future__ import annotations

from typing import Any

from inventory.models import StockLevel
from tests.factories import ProductFactory, StockLevelFactory

LIST = "/admin/inventory/replenishment/"
ORDER = f"{LIST}bulk-order/"
SNOOZE = f"{LIST}bulk-snooze/"


def low(sku: str, on_hand: int = 3, **columns: Any) -> StockLevel:
    product = columns.pop("product", None) or ProductFactory(sku=sku, name=sku.title())
    return StockLevelFactory(product=product, on_hand=on_hand, reorder_point=10, **columns)


def opened(client: Any, action: str, *levels: StockLevel) -> Any:
    """The page of an action on some rows of the list."""
    chosen = {"action": f"bulk_{action}", "_selected_action": [str(level.pk) for level in levels]}
    return client.post(f"{LIST}?snoozed=all", chosen)
