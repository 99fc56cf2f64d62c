"""What stock can be filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django_filters
from django.db.models import Exists, F, OuterRef, Q

from common.api.filters import Filters, Flag, Number
from inventory.models import Location, StockLevel, StockMovement

if TYPE_CHECKING:
    from django.db.models import QuerySet


def locations_named(value: str) -> QuerySet[Location]:
    """The location with this code or id, as rows: none when there is no such location."""
    location = Location.objects.named(value)
    return Location.objects.filter(pk=location.pk) if location else Location.objects.none()


class _AtLocation(Filters):
    location = django_filters.CharFilter(method="at_location")

    def at_location(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(location__in=locations_named(value))


class InventoryFilters(Filters):
    sku = django_filters.CharFilter(method="with_sku")
    location = django_filters.CharFilter(method="at_location")

    def with_sku(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(sku=value.upper())

    def at_location(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        there = StockLevel.objects.filter(
            product=OuterRef("pk"), location__in=locations_named(value)
        )
        return rows.filter(Exists(there))


class StockLevelFilters(_AtLocation):
    product = django_filters.UUIDFilter(field_name="product_id")
    sku = django_filters.CharFilter(method="with_sku")
    low = Flag(method="is_low")
    out = Flag(method="is_out")
    available__gte = Number(field_name="available", lookup_expr="gte")
    available__lte = Number(field_name="available", lookup_expr="lte")
    available__gt = Number(field_name="available", lookup_expr="gt")
    available__lt = Number(field_name="available", lookup_expr="lt")
    on_hand__gte = Number(field_name="on_hand", lookup_expr="gte")
    on_hand__lte = Number(field_name="on_hand", lookup_expr="lte")
    on_hand__gt = Number(field_name="on_hand", lookup_expr="gt")
    on_hand__lt = Number(field_name="on_hand", lookup_expr="lt")

    def with_sku(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(product__sku=value.upper())

    def is_low(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        low = Q(reorder_point__isnull=False, available__lte=F("reorder_point"))
        return rows.filter(low if value else ~low | Q(reorder_point=None))

    def is_out(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(available=0) if value else rows.filter(available__gt=0)


class StockMovementFilters(_AtLocation):
    product = django_filters.UUIDFilter(field_name="product_id")
    reason = django_filters.ChoiceFilter(choices=StockMovement.Reason.choices)
    reference = django_filters.CharFilter()
    created_at__gte = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_at__lt = django_filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class TransferFilters(Filters):
    product = django_filters.UUIDFilter(field_name="product_id")
    reference = django_filters.CharFilter()


class LocationFilters(Filters):
    code = django_filters.CharFilter(method="with_code")
    is_active = Flag()

    def with_code(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(code=value.lower())
