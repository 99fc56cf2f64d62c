"""What the catalogue can be filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

import django_filters

from catalogue import searching
from catalogue.models import STATUSES, Place, Shelf
from common.api.filters import Filters, Flag, Number, OneOf

if TYPE_CHECKING:
    from catalogue.models import DocumentQuerySet


class CatalogueFilters(Filters):
    sku = django_filters.CharFilter(method="with_sku")
    sku__in = OneOf(method="with_skus")
    barcode = django_filters.CharFilter()
    status = django_filters.ChoiceFilter(choices=[(name, name) for name in STATUSES])
    category = django_filters.UUIDFilter(method="in_category")
    location = django_filters.CharFilter(method="at_location")
    in_stock = Flag(method="is_in_stock")
    available__gte = Number(field_name="available", lookup_expr="gte")
    available__lte = Number(field_name="available", lookup_expr="lte")
    available__gt = Number(field_name="available", lookup_expr="gt")
    available__lt = Number(field_name="available", lookup_expr="lt")
    price__gte = Number(field_name="price", lookup_expr="gte")
    price__lte = Number(field_name="price", lookup_expr="lte")
    price__gt = Number(field_name="price", lookup_expr="gt")
    price__lt = Number(field_name="price", lookup_expr="lt")
    search = django_filters.CharFilter(method="matching", max_length=200)

    def with_sku(self, rows: DocumentQuerySet, _name: str, value: str) -> DocumentQuerySet:
        return rows.filter(sku=value.upper())

    def with_skus(self, rows: DocumentQuerySet, _name: str, values: list[str]) -> DocumentQuerySet:
        return rows.filter(sku__in=[value.upper() for value in values])

    def in_category(self, rows: DocumentQuerySet, _name: str, value: UUID) -> DocumentQuerySet:
        return rows.filter(category_id__in=Shelf.objects.with_all_below(value))

    def at_location(self, rows: DocumentQuerySet, _name: str, value: str) -> DocumentQuerySet:
        place = Place.objects.filter(code=value.lower()).first() or _place_with_id(value)
        return searching.in_stock_at(rows, place.pk) if place else rows.none()

    def is_in_stock(self, rows: DocumentQuerySet, _name: str, value: bool) -> Any:  # noqa: FBT001
        return rows.filter(available__gt=0) if value else rows.filter(available=0)

    def matching(self, rows: DocumentQuerySet, _name: str, value: str) -> DocumentQuerySet:
        return searching.matching(rows, value)


def _place_with_id(text: str) -> Place | None:
    try:
        return Place.objects.filter(pk=UUID(text)).first()
    except ValueError:
        return None
