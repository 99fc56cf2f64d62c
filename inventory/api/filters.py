"""What stock can be filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import django_filters
from django.db.models import OuterRef, Q, Subquery
from django.db.models.lookups import IsNull

from common.api.filters import Day, Filters, Flag, Instant, Number, OneOf
from inventory.models import (
    Batch,
    Location,
    Reservation,
    ReservationLine,
    StockLevel,
    StockMovement,
)
from inventory.querysets import LOW

if TYPE_CHECKING:
    from uuid import UUID

    from django.db.models import QuerySet


def locations_named(value: str) -> QuerySet[Location]:
    """The location with this code or id, as rows: none when there is no such location."""
    location = Location.objects.named(value)
    return Location.objects.filter(pk=location.pk) if location else Location.objects.none()


def stocked(**levels: Any) -> IsNull:
    """Products that have a stock level, of the given kind.

    Looked for product by product: what EXISTS asks for, PostgreSQL may join from the beginning of
    the table to the page.
    """
    found = StockLevel.objects.filter(product=OuterRef("pk"), **levels).values("pk")[:1]
    return IsNull(Subquery(found), False)  # noqa: FBT003 - Django's way to say it


class _AtLocation(Filters):
    location = django_filters.CharFilter(method="at_location")

    def at_location(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(location__in=locations_named(value))


class InventoryFilters(Filters):
    sku = django_filters.CharFilter(method="with_sku")
    sku__in = OneOf(method="with_skus")
    location = django_filters.CharFilter(method="at_location")

    def with_sku(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(sku=value.upper())

    def with_skus(self, rows: QuerySet[Any], _name: str, values: list[str]) -> QuerySet[Any]:
        return rows.filter(sku__in=[value.upper() for value in values])

    def at_location(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(stocked(location__in=locations_named(value)))


class StockLevelFilters(_AtLocation):
    product = django_filters.UUIDFilter(field_name="product_id")
    sku = django_filters.CharFilter(method="with_sku")
    sku__in = OneOf(method="with_skus")
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
        return rows.filter(product__sku=value.upper(), product__deleted_at=None)

    def with_skus(self, rows: QuerySet[Any], _name: str, values: list[str]) -> QuerySet[Any]:
        skus = [value.upper() for value in values]
        return rows.filter(product__sku__in=skus, product__deleted_at=None)

    def is_low(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(LOW if value else ~Q(LOW))

    def is_out(self, rows: QuerySet[Any], _name: str, value: bool) -> QuerySet[Any]:  # noqa: FBT001
        return rows.filter(available=0) if value else rows.filter(available__gt=0)


class StockMovementFilters(_AtLocation):
    product = django_filters.UUIDFilter(field_name="product_id")
    reason = django_filters.ChoiceFilter(choices=StockMovement.Reason.choices)
    reference = django_filters.CharFilter()
    created_at__gte = Instant(field_name="created_at", lookup_expr="gte")
    created_at__lt = Instant(field_name="created_at", lookup_expr="lt")


class TransferFilters(Filters):
    product = django_filters.UUIDFilter(field_name="product_id")
    reference = django_filters.CharFilter()


class LocationFilters(Filters):
    code = django_filters.CharFilter(method="with_code")
    is_active = Flag()

    def with_code(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(code=value.lower())


class BatchFilters(_AtLocation):
    product = django_filters.UUIDFilter(field_name="product_id")
    sku = django_filters.CharFilter(method="with_sku")
    reference = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=Batch.Status.choices)
    eta__gte = Day(field_name="eta", lookup_expr="gte")
    eta__lte = Day(field_name="eta", lookup_expr="lte")

    def with_sku(self, rows: QuerySet[Any], _name: str, value: str) -> QuerySet[Any]:
        return rows.filter(product__sku=value.upper(), product__deleted_at=None)


class ReservationFilters(Filters):
    order_reference = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=Reservation.Status.choices)
    product = django_filters.UUIDFilter(method="of_product")

    def of_product(self, rows: QuerySet[Any], _name: str, value: UUID) -> QuerySet[Any]:
        return rows.filter(
            pk__in=ReservationLine.objects.filter(product=value).values("reservation")
        )
