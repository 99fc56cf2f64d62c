"""Labels of stock levels and of locations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.backoffice.labels import LabelAdmin
from common.labels import Label
from products.admin.labels import product_label

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.db.models import QuerySet

    from inventory.models import Location, StockLevel


class LevelLabelAdmin(LabelAdmin):
    """A product's label that also says where it lies."""

    def label_of(self, row: StockLevel, qr: str) -> Label:
        return product_label(row.product, qr, place=row.location.name)

    def rows_to_label(self, rows: QuerySet[StockLevel]) -> QuerySet[StockLevel]:
        rows = rows.select_related("product", "location")
        rows = rows.defer("product__search", "product__description")
        return rows.order_by("location__priority", "product__sku", "pk")

    def on_hand_of(self, rows: Collection[Any]) -> Mapping[Any, int]:
        return {row.pk: row.on_hand for row in rows}


class LocationLabelAdmin(LabelAdmin):
    """The location's code in bars."""

    labels_are_of_stock = False

    def label_of(self, row: Location, qr: str) -> Label:
        return Label(row.name, row.code, qr or row.code, row.code)

    def rows_to_label(self, rows: QuerySet[Location]) -> QuerySet[Location]:
        return rows.order_by("priority", "code")
