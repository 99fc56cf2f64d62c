"""What tests of the back office's pages of stock share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inventory import operations
from inventory.rules import Change
from tests.back_office import text_of

if TYPE_CHECKING:
    from inventory.models import StockLevel

LEVELS = "/admin/inventory/stocklevel/"
MOVEMENTS = "/admin/inventory/stockmovement/"
TRANSFERS = "/admin/inventory/transfer/"
STOCK_FORM = "stock-form"


def moved(level: StockLevel, *deltas: int, reference: str = "") -> None:
    """Change a stock level by some units, one movement each."""
    for delta in deltas:
        change = Change(
            product_id=level.product_id,
            delta=delta,
            location=level.location.code,
            reference=reference,
        )
        operations.adjust_stock(changes=[change])


def adjustments(level: StockLevel) -> list[tuple[int, str]]:
    """What was done to a level after it was opened."""
    rows = level.movements.order_by("sequence").filter(sequence__gt=1)
    return list(rows.values_list("delta", "reason"))


def skus(page: Any) -> list[str]:
    """The products of the rows on a list."""
    text_of(page)
    return [row.product.sku for row in page.context["cl"].result_list]
