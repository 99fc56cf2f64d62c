"""What products and categories can be filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import django_filters

from common.api.filters import Filters, Number, OneOf
from products.models import Product

if TYPE_CHECKING:
    from products.querysets import ProductQuerySet


class ProductFilters(Filters):
    sku = django_filters.CharFilter(method="with_sku")
    sku__in = OneOf(method="with_skus")
    barcode = django_filters.CharFilter()
    category = django_filters.UUIDFilter(field_name="category_id")
    status = django_filters.ChoiceFilter(choices=Product.Status.choices)
    price__gte = Number(field_name="price", lookup_expr="gte")
    price__lte = Number(field_name="price", lookup_expr="lte")
    price__gt = Number(field_name="price", lookup_expr="gt")
    price__lt = Number(field_name="price", lookup_expr="lt")
    search = django_filters.CharFilter(method="matching", max_length=200)  # in what is left

    def with_sku(self, rows: ProductQuerySet, _name: str, value: str) -> ProductQuerySet:
        return rows.filter(sku=value.upper())

    def with_skus(self, rows: ProductQuerySet, _name: str, values: list[str]) -> ProductQuerySet:
        return rows.filter(sku__in=[value.upper() for value in values])

    def matching(self, rows: ProductQuerySet, _name: str, value: str) -> ProductQuerySet:
        return rows.matching(value)


class CategoryFilters(Filters):
    slug = django_filters.CharFilter()
    parent = django_filters.UUIDFilter(field_name="parent_id")
