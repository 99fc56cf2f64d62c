"""Filters by stock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.admin import RelatedFieldListFilter, SimpleListFilter
from django.db.models import Exists, OuterRef, Q, Subquery
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.admin.promise_display import today
from inventory.models import Batch, Location, StockLevel
from products.admin.filters import DeletedFilter

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


def _choices() -> list[tuple[str, str]]:
    return [("in", _("In stock")), ("low", _("Low")), ("out", _("Out of stock"))]


class StockFilter(SimpleListFilter):
    """Stock levels that can supply something, are at their reorder point, or can supply nothing."""

    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return _choices()

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
    """Products by their stock; low is a product that is low at any of its locations, and out is
    one that has been stocked and can be supplied from none.
    """

    title = gettext_lazy("stock")
    parameter_name = "stock"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return _choices()

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        levels = StockLevel.objects.filter(product=OuterRef("pk"))
        match self.value():
            case "in":
                return queryset.filter(Exists(levels.filter(available__gt=0)))
            case "low":
                return queryset.filter(Exists(levels.low()))
            case "out":
                return queryset.filter(Exists(levels), ~Exists(levels.filter(available__gt=0)))
        return queryset


class SupplyFilter(SimpleListFilter):
    """Stock levels of which a batch is on its way, is late, or none is."""

    title = gettext_lazy("batch")
    parameter_name = "batch"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("coming", _("On its way")), ("late", _("Late")), ("none", _("None on its way"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        batches = Batch.objects.incoming()
        match self.value():
            case "coming":
                return queryset.filter(self.supplied_by(batches))
            case "late":
                return queryset.filter(self.supplied_by(batches.filter(eta__lt=today())))
            case "none":
                return queryset.exclude(self.supplied_by(batches))
        return queryset

    def supplied_by(self, batches: QuerySet[Batch]) -> Any:
        """The rows that one of these batches is for."""
        return Exists(batches.filter(product=OuterRef("product"), location=OuterRef("location")))


class ProductSupplyFilter(SupplyFilter):
    """Products likewise, at any of their locations."""

    def supplied_by(self, batches: QuerySet[Batch]) -> Any:
        return Q(pk__in=batches.values("product"))


class ProductLocationFilter(SimpleListFilter):
    """Products that have been stocked at a location."""

    title = gettext_lazy("location")
    parameter_name = "location"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return list(Location.objects.order_by("priority", "code").values_list("code", "name"))

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if not self.value():
            return queryset
        place = Location.objects.filter(code=self.value()).values("pk")[:1]
        levels = StockLevel.objects.filter(product=OuterRef("pk"), location=Subquery(place))
        return queryset.filter(Exists(levels))


class OfDeletedProductFilter(DeletedFilter):
    title = gettext_lazy("product")
    product_is_living = "product__deleted_at__isnull"


class LocationFilter(RelatedFieldListFilter):
    """Locations by their names, in the order in which stock is taken from them."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        return list(Location.objects.order_by("priority", "code").values_list("pk", "name"))
