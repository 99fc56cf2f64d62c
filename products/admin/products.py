"""Products in the back office."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin
from unfold.decorators import display
from unfold.widgets import UnfoldAdminDecimalFieldWidget, UnfoldAdminTextareaWidget

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import label, moment
from common.backoffice.forms import OperationForm
from common.backoffice.lists import QuickChangeList
from products import extensions, operations, rules
from products.admin.filters import DeletedFilter
from products.admin.images import ImagesField, pictures, thumbnail
from products.models import Product

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

NEVER_STOCKED = label("–", tone="quiet", reason="Never stocked")


class ProductForm(OperationForm):
    price = forms.DecimalField(
        min_value=Decimal("0.01"),
        max_value=rules.MAX_PRICE,
        decimal_places=2,
        widget=UnfoldAdminDecimalFieldWidget,
    )
    images = ImagesField(help_text="Addresses (https://…), one on each line. The first is shown.")

    class Meta:
        model = Product
        fields = (
            "sku",
            "name",
            "description",
            "category",
            "status",
            "price",
            "barcode",
            "images",
        )
        help_texts = {
            "sku": "Letters, digits and - _ . /",
            "barcode": "8, 12, 13 or 14 digits, as the scanner reads them. May be empty.",
            "status": "Only active products are for sale.",
        }
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new and "sku" in self.fields:
            self.fields["sku"].required = False
            self.fields["sku"].help_text += ". Empty: one is made."


class ProductList(QuickChangeList):
    """A page of products, each with its inventory: one more query, however many they are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        products: list[Any] = list(self.result_list)  # type: ignore[has-type]  # set by super()
        inventories = extensions.inventories_of(products)
        for product in products:
            product.inventory = inventories.get(product.pk)
        self.result_list = products


@admin.register(Product)
class ProductAdmin(OperationsAdmin):
    form = ProductForm
    fieldsets = [
        (None, {"fields": ["sku", "name", "description", "category", "status"]}),
        ("Price and code", {"fields": ["price", "barcode"]}),
        ("Images", {"fields": ["images"]}),
    ]
    autocomplete_fields = ["category"]
    list_display = [
        "picture",
        "sku",
        "shown_name",
        "category",
        "price",
        "on_hand",
        "available",
        "state",
        "changed",
    ]
    list_display_links = ["sku", "shown_name"]
    list_select_related = ["category"]
    search_fields = ["sku", "barcode", "name"]  # asked in get_search_results
    search_help_text = "SKU, barcode or words of the name"
    ordering = ["sku"]
    empty_advice = "Add the first one here, or send products through the API."
    deletion_advice = (
        "A deleted product leaves the catalogue, and its SKU and barcode are free again. Its stock"
        " history stays, and a filter of the list shows deleted products."
    )

    def create(self, values: dict[str, Any]) -> Product:
        return operations.create_product(**values)

    def change(self, row: Product, changes: dict[str, Any], seen_version: int) -> None:
        operations.change_product(product_id=row.pk, changes=changes, expected_version=seen_version)

    def remove(self, row: Product) -> None:
        operations.delete_product(product_id=row.pk)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_deleted(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_deleted(obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return ProductList

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        return ["status", *extensions.admin_filters, "category", DeletedFilter]

    def get_inlines(self, request: HttpRequest, obj: Product | None) -> list[Any]:
        return extensions.admin_inlines if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Product | None = None) -> list[Any]:
        if obj is None:
            return self.fieldsets
        first = ["deleted", "stock"] if obj.deleted_at else ["stock"]
        details, price, _images = self.fieldsets
        return [
            (None, {"fields": first}),
            details,
            price,
            ("Images", {"fields": ["shown_images", "images"]}),
            ("Record", {"fields": ["created", "changed"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> list[str]:
        return ["stock", "shown_images", "created", "changed", "deleted"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        """Also asked by the fields of other pages that pick a product: a living one."""
        text = search_term.strip()
        if DeletedFilter.is_chosen(request):
            return queryset.deleted_found_by(text), False
        if not text:
            return queryset.living(), False
        found = queryset.found_by(text)
        return (found if "o" in request.GET else found.order_by("-rank", "sku")), False

    @admin.display(description="")
    def picture(self, product: Product) -> SafeString:
        return thumbnail(product)

    @admin.display(description="name", ordering="name_order")
    def shown_name(self, product: Product) -> str:
        return product.name

    @admin.display(description="on hand")
    def on_hand(self, product: Any) -> object:
        return product.inventory.quantity if product.inventory else NEVER_STOCKED

    @admin.display(description="available")
    def available(self, product: Any) -> object:
        inventory = product.inventory
        if inventory is None:
            return NEVER_STOCKED
        if inventory.available:
            return inventory.available
        reason = f"{inventory.quantity} on hand, {inventory.reserved} of them reserved"
        return label(0, tone="out", reason=f"Out of stock: {reason}")

    @display(
        description="status",
        ordering="status",
        label={"Active": "success", "Draft": "info", "Deleted": "danger"},
    )
    def state(self, product: Product) -> str:
        return "Deleted" if product.deleted_at else product.get_status_display()

    @admin.display(description="last changed", ordering="updated_at")
    def changed(self, product: Product) -> SafeString | None:
        return moment(product.updated_at)

    @admin.display(description="added")
    def created(self, product: Product) -> SafeString | None:
        return moment(product.created_at)

    @admin.display(description="deleted")
    def deleted(self, product: Product) -> SafeString:
        return label(moment(product.deleted_at), tone="out", reason="It can only be read")

    @admin.display(description="as shown")
    def shown_images(self, product: Product) -> SafeString:
        return pictures(product)

    @admin.display(description="stock")
    def stock(self, product: Product) -> str:
        inventory = extensions.inventories_of([product]).get(product.pk)
        if inventory is None:
            return "Never stocked"
        return f"{inventory.quantity} on hand, {inventory.available} available"


def _is_deleted(product: Any) -> bool:
    return isinstance(product, Product) and product.deleted_at is not None
