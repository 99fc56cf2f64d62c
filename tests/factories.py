"""Rows for tests, as the project itself would make them: a test names only what matters to it.

For example ``StockLevelFactory(product__sku="MUG", on_hand=3)``.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeVar

from django.db.models import Model
from factory.declarations import LazyAttribute, Sequence, SubFactory
from factory.django import DjangoModelFactory

from common.observability.context import acting_as
from inventory import operations
from inventory.models import CountSheet, Location, StockLevel
from products.models import Category, Product

Row = TypeVar("Row", bound=Model)


class RowFactory(DjangoModelFactory[Row]):
    class Meta:
        abstract = True

    if TYPE_CHECKING:  # to call a factory is to make a row; its metaclass sees to that

        def __new__(cls, **columns: Any) -> Row: ...  # type: ignore[misc]


class CategoryFactory(RowFactory[Category]):
    class Meta:
        model = Category

    name = Sequence(lambda n: f"Category {n}")
    slug = Sequence(lambda n: f"category-{n}")


class ProductFactory(RowFactory[Product]):
    """An active product without barcode, images or category."""

    class Meta:
        model = Product

    sku = Sequence(lambda n: f"SKU-{n}")
    name = Sequence(lambda n: f"Product {n}")
    description = LazyAttribute(lambda product: f"What there is to say of {product.name}.")
    price = Decimal("19.99")


class LocationFactory(RowFactory[Location]):
    """A new location; with the code of an existing one, that one as it is."""

    class Meta:
        model = Location
        django_get_or_create = ["code"]

    code = Sequence(lambda n: f"location-{n}")
    name = LazyAttribute(lambda location: location.code.title())


class StockLevelFactory(RowFactory[StockLevel]):
    """A stock level at the default location, opened as the API does it: the ledger is right.

    ``on_hand`` units come with movement 1, a receipt. Other columns (``reserved``,
    ``reorder_point``) are written as they are given.
    """

    class Meta:
        model = StockLevel

    product = SubFactory(ProductFactory)
    location = SubFactory(LocationFactory, code="main")
    on_hand = 0

    @classmethod
    def _create(cls, model_class: type[StockLevel], *_args: Any, **columns: Any) -> StockLevel:
        product, location = columns.pop("product"), columns.pop("location")
        quantity = columns.pop("on_hand")
        with acting_as("a test"):
            operations.open_inventory(
                product_id=product.pk, location=location.code, quantity=quantity
            )
        level = model_class.objects.filter(product=product, location=location)
        if columns:
            level.update(**columns)
        return level.select_related("product", "location").get()


class CountSheetFactory(RowFactory[CountSheet]):
    """A sheet of all that is stocked at the default location by now."""

    class Meta:
        model = CountSheet

    name = Sequence(lambda n: f"Count {n}")
    location = SubFactory(LocationFactory, code="main")
    is_blind = False

    @classmethod
    def _create(cls, model_class: type[CountSheet], *_args: Any, **columns: Any) -> CountSheet:
        location = columns.pop("location").code
        with acting_as("a test"):
            return operations.open_sheet(location=location, **columns)
