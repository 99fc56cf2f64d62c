"""The endpoints of the catalogue. Shape only: each action is one domain call."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.http import Http404
from rest_framework.response import Response

from common.access.permissions import HasScope
from common.api.negotiation import HTML
from common.api.views import ResourceView
from products import extensions, operations
from products.api import representation
from products.api.filters import CategoryFilters, ProductFilters
from products.api.serializers import (
    CategoryChanges,
    CategoryInput,
    CategorySerializer,
    ProductChanges,
    ProductInput,
    ProductSerializer,
)
from products.models import Category, Product

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet
    from rest_framework.request import Request

CatalogueScope = HasScope.for_methods(read="products:read", write="products:write")


class ProductView(ResourceView):
    """What is sold."""

    resource_type = "products"
    model = Product
    serializer_class = ProductSerializer
    create_serializer_class = ProductInput
    update_serializer_class = ProductChanges
    permission_classes = [CatalogueScope]
    filterset_class = ProductFilters
    includes = ("inventory", "category", "category.parent")
    sortable = {"name": "name_order"} | {
        name: name for name in ("price", "sku", "created_at", "updated_at")
    }
    relationships = {"inventory": False, "category": True}

    def get_queryset(self) -> QuerySet[Product]:
        return Product.objects.living().defer("search")

    def requested_order(self) -> tuple[str, ...]:
        """A search without a wish gives the best match first."""
        if "search" in self.query.filters and not self.query.sort:
            return ("-rank", "pk")
        return super().requested_order()

    def loaded(self, rows: QuerySet[Product]) -> QuerySet[Product]:
        if any(path.startswith("category") for path in self.query.include):
            rows = rows.select_related("category__parent")
        return rows

    def presented(self, rows: Sequence[Product]) -> Sequence[Product]:
        if "inventory" in {*self.query.include, self.kwargs.get("related_field")}:
            _load_inventories(rows)
        return rows

    def current_linkage(self, instance: Product, name: str) -> Any:
        if name == "inventory":
            _load_inventories([instance])
        return super().current_linkage(instance, name)

    def is_default_representation(self) -> bool:
        return self.action != "related" and not self.request.query_params

    def retrieve(self, request: Request, pk: str) -> Any:
        if not self.is_default_representation() or request.accepted_media_type == HTML:
            return super().retrieve(request, pk)
        carrier: Any = request._request  # noqa: SLF001  the log reads from it
        entry, carrier.cache_status = representation.entry_for(pk)
        if entry is None:
            raise Http404
        return representation.answer(carrier, entry, request.accepted_media_type)

    def create(self, request: Request) -> Response:
        self.check_document()
        product = operations.create_product(**self.read_input(ProductInput))
        return self.resource(self.presented_one(product), status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        seen = self.seen_for_update()
        changes = self.read_input(ProductChanges, partial=True)
        product = operations.change_product(
            product_id=seen.pk, changes=changes, expected_version=self.expected_version(seen)
        )
        return self.resource(self.presented_one(product))

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a product.

        Its ledger stays for staff; its SKU and barcode are free again.
        """
        seen = self.get_object()
        self.check_preconditions(seen.version)
        operations.delete_product(product_id=seen.pk, expected_version=self.expected_version(seen))
        return Response(status=204)

    def set_linkage(self, instance: Product, name: str, linked_id: UUID | None) -> Product:
        return operations.change_product(
            product_id=instance.pk,
            changes={"category_id": linked_id},
            expected_version=self.expected_version(instance),
        )


def _load_inventories(products: Sequence[Product]) -> None:
    """Give each product its ``inventory``, null when it was never stocked, in one query."""
    inventories = extensions.inventories_of(products)
    for product in products:
        product.inventory = inventories.get(product.pk)  # type: ignore[attr-defined]


class CategoryView(ResourceView):
    """The tree that products are sorted into."""

    resource_type = "categories"
    model = Category
    queryset = Category.objects.all()
    serializer_class = CategorySerializer
    create_serializer_class = CategoryInput
    update_serializer_class = CategoryChanges
    permission_classes = [CatalogueScope]
    filterset_class = CategoryFilters
    includes = ("parent",)
    sortable = {"name": "name_order"} | {
        name: name for name in ("slug", "created_at", "updated_at")
    }
    relationships = {"parent": True}

    def loaded(self, rows: QuerySet[Category]) -> QuerySet[Category]:
        return rows.select_related("parent") if "parent" in self.query.include else rows

    def create(self, request: Request) -> Response:
        self.check_document()
        category = operations.create_category(**self.read_input(CategoryInput))
        return self.resource(category, status=201)

    def partial_update(self, request: Request, pk: str) -> Response:
        seen = self.seen_for_update()
        category = operations.change_category(
            category_id=seen.pk,
            changes=self.read_input(CategoryChanges, partial=True),
            expected_version=self.expected_version(seen),
        )
        return self.resource(category)

    def destroy(self, request: Request, pk: str) -> Response:
        """Delete a category that has neither products nor categories below it."""
        seen = self.get_object()
        self.check_preconditions(seen.version)
        operations.delete_category(
            category_id=seen.pk, expected_version=self.expected_version(seen)
        )
        return Response(status=204)

    def set_linkage(self, instance: Category, name: str, linked_id: UUID | None) -> Category:
        return operations.change_category(
            category_id=instance.pk,
            changes={"parent_id": linked_id},
            expected_version=self.expected_version(instance),
        )
