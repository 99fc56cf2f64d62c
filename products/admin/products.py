"""Products in the back office."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.utils.html import format_html_join
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext, pgettext_lazy
from unfold.widgets import UnfoldAdminTextareaWidget

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import label, moment, two_lines
from common.backoffice.filters import DatesFilter
from common.backoffice.forms import OperationForm
from common.backoffice.lists import QuickChangeList
from common.backoffice.numbers import Amount
from common.backoffice.sentences import translated
from common.errors import Invalid
from common.importing.admin.lists import WithFiles
from products import extensions, operations, rules
from products.admin.filters import DeletedFilter
from products.admin.images import ImagesField, pictures, thumbnail
from products.admin.labels import ProductLabelAdmin
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.http import HttpRequest
    from django.utils.functional import Promise
    from django.utils.safestring import SafeString

CODES: Final = {"sku": rules.sku, "barcode": rules.barcode}
TONES: Final = {"active": "good", "draft": "note", "archived": "plain"}


class ProductForm(OperationForm):
    price = Amount(
        label=gettext_lazy("Price"),
        min_value=Decimal("0.01"),
        max_value=rules.MAX_PRICE,
        decimal_places=2,
    )
    images = ImagesField(
        label=gettext_lazy("Addresses"),
        help_text=gettext_lazy("https://…, one on each line. Lists show the first."),
    )

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
            "sku": gettext_lazy("Letters, digits and - _ . /"),
            "barcode": gettext_lazy(
                "8, 12, 13 or 14 digits, as the scanner reads them. May be empty."
            ),
            "status": gettext_lazy("Only active products are for sale."),
        }
        widgets = {"description": UnfoldAdminTextareaWidget(attrs={"rows": 4})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.is_new and "sku" in self.fields:
            self.fields["sku"].required = False
            self.fields["sku"].help_text = _("Letters, digits and - _ . /. Empty: one is made.")

    def clean(self) -> dict[str, Any]:
        """Where anything is wrong, both codes are looked at too: one round tells all."""
        super().clean()
        if self.errors:
            for name, rule in CODES.items():
                if name in self.changed_data and self.cleaned_data.get(name):
                    self._check_code(name, rule)
        return self.cleaned_data

    def _check_code(self, name: str, rule: Callable[[str], str]) -> None:
        try:
            code = rule(self.cleaned_data[name])
        except Invalid as refusal:
            self.add_error(name, translated(refusal.detail))
            return
        others = Product.objects.living().exclude(pk=self.instance.pk)
        if others.filter(**{name: code}).exists():
            self.refuse_taken(name)


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
class ProductAdmin(WithFiles, ProductLabelAdmin, OperationsAdmin):
    files = "products"
    form = ProductForm
    fieldsets = [
        (None, {"fields": ["sku", "name", "description", "category", "status"]}),
        (gettext_lazy("Price and code"), {"fields": ["price", "barcode"]}),
        (gettext_lazy("Images"), {"fields": ["images"]}),
    ]
    autocomplete_fields = ["category"]
    list_display_links = ["shown_name"]
    sortable_by = ["shown_name", "code", "price", "changed"]
    list_select_related = ["category"]
    search_fields = ["sku", "barcode", "name"]  # asked in get_search_results
    search_help_text = gettext_lazy("SKU, barcode or words of the name")
    ordering = ["sku"]
    empty_advice = gettext_lazy("Add the first one here, or send products through the API.")
    deletion_advice = gettext_lazy(
        "A deleted product leaves the catalogue, and its SKU and barcode are free again. Its stock"
        " history stays, and a filter of the list shows deleted products."
    )

    def create(self, values: dict[str, Any]) -> Product:
        return operations.create_product(**values)

    def change(self, row: Product, changes: dict[str, Any], seen_version: int) -> None:
        operations.change_product(product_id=row.pk, changes=changes, expected_version=seen_version)

    def remove(self, row: Product) -> None:
        operations.delete_product(product_id=row.pk)

    def deletion_advice_for(self, rows: Sequence[Any]) -> str | Promise:
        inventories = extensions.inventories_of(rows).values()
        on_hand = sum(inventory.quantity for inventory in inventories)
        if not on_hand:
            return self.deletion_advice
        left = _("%(count)s on hand: once deleted, they can no longer be counted, moved or sold.")
        return f"{left % {'count': on_hand}} {self.deletion_advice}"

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_deleted(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_delete_permission(request, obj) and not _is_deleted(obj)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return ProductList

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        figures = extensions.admin_columns
        return ["picture", "shown_name", "code", "price", *figures, "state", "changed"]

    def get_list_filter(self, request: HttpRequest) -> list[Any]:
        updated = ("updated_at", DatesFilter)
        return [*extensions.admin_filters, "status", "category", updated, DeletedFilter]

    def get_inlines(self, request: HttpRequest, obj: Product | None) -> list[Any]:
        return extensions.admin_inlines if obj else []

    def get_fieldsets(self, request: HttpRequest, obj: Product | None = None) -> list[Any]:
        if obj is None:
            return self.fieldsets
        details, price, _images = self.fieldsets
        return [
            *([(None, {"fields": ["deleted"]})] if obj.deleted_at else []),
            details,
            price,
            (gettext_lazy("Images"), {"fields": ["shown_images", "images"]}),
            (gettext_lazy("Record"), {"fields": ["created", "changed"]}),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Product | None = None) -> list[str]:
        return ["shown_images", "created", "changed", "deleted"]

    def panel(self, request: HttpRequest, row: Product) -> SafeString:
        return format_html_join(
            "", "{}", ((panel(request, row),) for panel in extensions.admin_panels)
        )

    def is_called(self, row: Product, text: str) -> bool:
        return is_called(row, text)

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

    @admin.display(description=gettext_lazy("Name and category"), ordering="name_order")
    def shown_name(self, product: Product) -> SafeString:
        return two_lines(product.name, product.category)

    @admin.display(description=gettext_lazy("SKU and barcode"), ordering="sku")
    def code(self, product: Product) -> SafeString:
        return two_lines(product.sku, product.barcode)

    @admin.display(description=gettext_lazy("Status"))
    def state(self, product: Product) -> SafeString:
        if product.deleted_at:
            return label(pgettext("product", "Deleted"), tone="out")
        return label(product.get_status_display(), tone=TONES[product.status])

    @admin.display(description=gettext_lazy("Last changed"), ordering="updated_at")
    def changed(self, product: Product) -> SafeString | None:
        return moment(product.updated_at)

    @admin.display(description=gettext_lazy("Added"))
    def created(self, product: Product) -> SafeString | None:
        return moment(product.created_at)

    @admin.display(description=pgettext_lazy("product", "Deleted"))
    def deleted(self, product: Product) -> SafeString:
        return label(moment(product.deleted_at), tone="out", reason=_("It can only be read"))

    @admin.display(description=gettext_lazy("As shown"))
    def shown_images(self, product: Product) -> SafeString:
        return pictures(product)


def is_called(product: Product, text: str) -> bool:
    """Whether the text is the product's SKU or its barcode, as a scanner reads it."""
    return text.upper() == product.sku or text == product.barcode


def _is_deleted(product: Any) -> bool:
    return isinstance(product, Product) and product.deleted_at is not None
