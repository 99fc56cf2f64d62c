"""Labels of products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.backoffice.labels import LabelAdmin
from common.labels import Label
from products import extensions

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.db.models import QuerySet

    from products.models import Product


class ProductLabelAdmin(LabelAdmin):
    """The barcode in bars where there is one, otherwise the SKU, which is always in letters."""

    def label_of(self, row: Product, qr: str) -> Label:
        return product_label(row, qr)

    def rows_to_label(self, rows: QuerySet[Product]) -> QuerySet[Product]:
        return rows.defer("search", "description").order_by("sku")

    def on_hand_of(self, rows: Collection[Any]) -> Mapping[Any, int]:
        inventories = extensions.inventories_of(rows)
        return {pk: inventory.quantity for pk, inventory in inventories.items()}


def product_label(product: Product, qr: str, *, place: str = "") -> Label:
    """``place`` is where a stock level is."""
    line = f"{product.sku} · {place}" if place else product.sku
    code = product.barcode or product.sku
    return Label(product.name, code, qr or product.sku, line)
