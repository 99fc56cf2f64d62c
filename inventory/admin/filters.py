"""Filters by stock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import RelatedFieldListFilter, SimpleListFilter
from django.db.models import Exists, OuterRef

from inventory.models import Location, StockLevel
from products.admin.filters import DeletedFilter

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

CHOICES = [("in", "In stock"), ("low", "Low"), ("out", "Out of stock")]


class StockFilter(SimpleListFilter):
    """Stock levels that can supply something, are at their reorder point, or can supply nothing."""

    title = "stock"
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return CHOICES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "in":
                return queryset.filter(available__gt=0)
            case "low":
                return queryset.low()  # type: ignore[attr-defined]  # StockLevelQuerySet's
            case "out":
                return queryset.filter(available=0)
        return queryset


class ProductStockFilter(SimpleListFilter):
    """Products by their stock; low is a product that is low at any of its locations."""

    title = "stock"
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return CHOICES

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        levels = StockLevel.objects.filter(product=OuterRef("pk"))
        match self.value():
            case "in":
                return queryset.filter(Exists(levels.filter(available__gt=0)))
            case "low":
                return queryset.filter(Exists(levels.low()))
            case "out":
                return queryset.filter(~Exists(levels.filter(available__gt=0)))
        return queryset


class OfDeletedProductFilter(DeletedFilter):
    title = "product"
    product_is_living = "product__deleted_at__isnull"


class LocationFilter(RelatedFieldListFilter):
    """Locations by their names, in the order in which stock is taken from them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        return list(Location.objects.order_by("priority", "code").values_list("pk", "name"))
