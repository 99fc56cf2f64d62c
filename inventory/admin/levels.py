"""Stock levels in the back office: figures to read, settings to change, stock to adjust."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.enums import ActionVariant
from unfold.widgets import UnfoldAdminIntegerFieldWidget

from common.api.fields import MAX_QUANTITY
from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import link, moment
from common.backoffice.forms import OperationForm
from common.backoffice.refusals import busy_refused
from common.errors import DomainError
from inventory import operations
from inventory.admin.adjustment import AdjustmentForm, adjust
from inventory.admin.display import adjust_link, available
from inventory.admin.filters import OfDeletedProductFilter, StockFilter
from inventory.admin.tables import LevelMovementTable
from inventory.models import Location, StockLevel
from products.models import Product

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.safestring import SafeString


def units(**options: Any) -> forms.IntegerField:
    return forms.IntegerField(
        min_value=0, max_value=MAX_QUANTITY, widget=UnfoldAdminIntegerFieldWidget, **options
    )


class ReorderForm(OperationForm):
    """When to reorder. What differs from the page as it was shown is changed, and nothing else.

    A level's version cannot say whether somebody else has changed these settings: it also rises
    with every sale.
    """

    seen_version = None  # type: ignore[assignment]  # Django's way to leave out a field
    reorder_point = units(
        required=False,
        show_hidden_initial=True,
        help_text="The level is low when this many or fewer are available. Empty: never low.",
    )
    reorder_quantity = units(
        required=False, show_hidden_initial=True, help_text="How many to order then."
    )
    safety_stock = units(show_hidden_initial=True, help_text="What should never be used up.")

    class Meta:
        model = StockLevel
        fields = ("reorder_point", "reorder_quantity", "safety_stock")


class OpeningForm(OperationForm):
    """The first stock of a product at a location."""

    quantity = units(initial=0, help_text="Units above zero are booked as a receipt.")

    class Meta:
        model = StockLevel
        fields = ("product", "location")


@admin.register(StockLevel)
class StockLevelAdmin(OperationsAdmin):
    form = ReorderForm
    fieldsets = [
        (
            "Stock now",
            {"fields": ["of_product", "location", "on_hand", "reserved", "shown_available"]},
        ),
        ("Reordering", {"fields": ["reorder_point", "reorder_quantity", "safety_stock"]}),
    ]
    readonly_fields = [
        "of_product",
        "location",
        "on_hand",
        "reserved",
        "shown_available",
        "to_adjust",
    ]
    autocomplete_fields = ["product"]
    inlines = [LevelMovementTable]
    actions_detail = ["adjust"]
    list_display = [
        "shown_product",
        "location",
        "on_hand",
        "reserved",
        "shown_available",
        "reorder_point",
        "changed",
    ]
    list_filter = [StockFilter, "location", OfDeletedProductFilter]
    search_fields = ["product__sku", "product__name"]  # asked in get_search_results
    search_help_text = "SKU, barcode or words of the name"
    ordering = ["product__sku", "location__priority"]
    empty_advice = "A product is listed here for each location at which it has been stocked."

    def create(self, values: dict[str, Any]) -> StockLevel:
        location_id = values.pop("location_id")
        operations.open_inventory(location=str(location_id), **values)
        return StockLevel.objects.get(product=values["product_id"], location=location_id)

    def change(self, row: StockLevel, changes: dict[str, Any], seen_version: int) -> None:
        operations.set_reorder_settings(stock_level_id=row.pk, changes=changes)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLevel]:
        return super().get_queryset(request).select_related("product", "location")

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_of_deleted(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_adjust_permission(self, request: HttpRequest, object_id: str | None = None) -> bool:
        may_adjust = request.user.has_perm("inventory.adjust_stock")
        level = self.get_object(request, object_id) if may_adjust and object_id else None
        return may_adjust and not _is_of_deleted(level)

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any):
        kwargs["form"] = ReorderForm if obj else OpeningForm
        return super().get_form(request, obj, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: StockLevel | None = None) -> list[Any]:
        if obj is None:
            return [(None, {"fields": ["product", "location", "quantity"]})]
        if not self.has_adjust_permission(request, str(obj.pk)):
            return self.fieldsets
        (title, shown), *others = self.fieldsets
        return [(title, {"fields": [*shown["fields"], "to_adjust"]}), *others]

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        default = {"location": Location.objects.default().pk}
        return default | super().get_changeform_initial_data(request)

    def get_readonly_fields(self, request: HttpRequest, obj: StockLevel | None = None):
        return self.readonly_fields if obj else []

    def get_inlines(self, request: HttpRequest, obj: StockLevel | None) -> list[Any]:
        return self.inlines if obj else []

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        text = search_term.strip()
        if not text:
            return queryset, False
        is_of_deleted = OfDeletedProductFilter.is_chosen(request)
        products = Product.objects.all()
        found = products.deleted_found_by(text) if is_of_deleted else products.found_by(text)
        return queryset.filter(product__in=found.values("pk")), False

    @admin.display(description="product", ordering="product__sku")
    def shown_product(self, level: StockLevel) -> str:
        return str(level.product)

    @admin.display(description="product")
    def of_product(self, level: StockLevel) -> SafeString:
        return link(level.product, level.product)

    @admin.display(description="available", ordering="available")
    def shown_available(self, level: StockLevel) -> SafeString:
        return available(level)

    @admin.display(description="actions")
    def to_adjust(self, level: StockLevel) -> SafeString:
        return adjust_link(level)

    @admin.display(description="last changed", ordering="updated_at")
    def changed(self, level: StockLevel) -> SafeString | None:
        return moment(level.updated_at)

    @action(
        description="Adjust stock",
        permissions=["adjust"],
        icon="exposure",
        variant=ActionVariant.PRIMARY,
    )
    def adjust(self, request: HttpRequest, object_id: str) -> HttpResponse:
        level: StockLevel | None = self.get_object(request, object_id)
        if level is None:
            raise Http404
        may_count = request.user.has_perm("inventory.count_stock")
        form = AdjustmentForm(request.POST or None, level=level, may_count=may_count)
        if form.is_valid():
            try:
                with busy_refused():
                    outcome = adjust(level, form, request, partial(self.log_change, request, level))
            except DomainError as refusal:
                level.refresh_from_db(fields=["on_hand", "reserved", "available"])
                form.refuse(refusal)
                form.look_again(level)
            else:
                self.message_user(request, outcome, messages.SUCCESS)
                return redirect(_back(request, level))
        return self._adjustment_page(request, level, form)

    def _adjustment_page(
        self, request: HttpRequest, level: StockLevel, form: AdjustmentForm
    ) -> HttpResponse:
        context = self.admin_site.each_context(request) | {
            "title": f"Adjust stock of {level.product}",
            "opts": self.opts,
            "original": level,
            "level": level,
            "available": available(level),
            "form": form,
            "back": _back(request, level),
        }
        return TemplateResponse(request, "inventory/adjust.html", context)


def _is_of_deleted(level: Any) -> bool:
    return isinstance(level, StockLevel) and level.product.deleted_at is not None


def _back(request: HttpRequest, level: StockLevel) -> str:
    """The page that the form was opened from: the product's or the level's."""
    if request.GET.get("back") == "product":
        return reverse("admin:products_product_change", args=[level.product_id])
    return reverse("admin:inventory_stocklevel_change", args=[level.pk])
