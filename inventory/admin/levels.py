"""Stock levels in the back office: figures to read, settings to change, stock to adjust."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy, pgettext_lazy

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import figure, moment, two_lines
from common.backoffice.filters import DatesFilter
from common.backoffice.lists import QuickChangeList
from common.importing.admin.lists import WithFiles
from inventory import operations
from inventory.admin.bulk import BulkAction, BulkAdmin
from inventory.admin.bulk_level_forms import (
    BulkAdjustment,
    BulkCount,
    BulkReceipt,
    BulkTransfer,
)
from inventory.admin.cover_display import cover
from inventory.admin.display import available, change, product_name, reason_word
from inventory.admin.filters import (
    LocationFilter,
    OfDeletedProductFilter,
    StockFilter,
    SupplyFilter,
)
from inventory.admin.labels import LevelLabelAdmin
from inventory.admin.level_forms import OpeningForm, ReorderForm
from inventory.admin.panels import level_panel
from inventory.admin.promise_display import incoming
from inventory.admin.stock_actions import ACTIONS, StockAction
from inventory.admin.stock_page import stock_page
from inventory.admin.tables import LevelMovementTable
from inventory.models import Location, StockLevel, StockMovement
from inventory.queries.cover import covers
from products.admin.images import thumbnail
from products.admin.products import is_called
from products.models import Product

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.safestring import SafeString


class LevelList(QuickChangeList):
    """Levels with their last movements and their cover: two more queries, however many."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        levels: list[Any] = list(self.result_list)  # type: ignore[has-type]  # set by super()
        last = {row.stock_level_id: row for row in StockMovement.objects.last_of(levels)}
        found = covers(levels)
        for level in levels:
            level.last_movement = last.get(level.pk)
            level.cover = found[level.pk]
        self.result_list = levels


BULK_ACTIONS: Final = (
    BulkAction("receive", gettext_lazy("Receive"), "inventory.receive_stock", BulkReceipt),
    BulkAction("adjust", gettext_lazy("Adjust"), "inventory.adjust_stock", BulkAdjustment),
    BulkAction("count", gettext_lazy("Set count"), "inventory.count_stock", BulkCount),
    BulkAction(
        "transfer",
        pgettext_lazy("action", "Transfer"),
        "inventory.transfer_stock",
        BulkTransfer,
    ),
)


@admin.register(StockLevel)
class StockLevelAdmin(WithFiles, BulkAdmin, LevelLabelAdmin, OperationsAdmin):
    files = "counts"
    form = ReorderForm
    fieldsets = [(gettext_lazy("Reordering"), {"fields": ReorderForm.Meta.fields})]
    autocomplete_fields = ["product"]
    inlines = [LevelMovementTable]
    list_display = [
        "picture",
        "shown_product",
        "place",
        "shown_on_hand",
        "shown_reserved",
        "shown_available",
        "shown_incoming",
        "shown_reorder_point",
        "shown_cover",
        "last_moved",
    ]
    list_display_links = ["shown_product"]
    sortable_by = ["shown_product", "shown_on_hand", "shown_available"]
    list_filter = [
        StockFilter,
        ("location", LocationFilter),
        "product__category",
        "product__status",
        SupplyFilter,
        ("updated_at", DatesFilter),
        OfDeletedProductFilter,
    ]
    actions = []
    bulk_actions = BULK_ACTIONS
    search_fields = ["product__sku", "product__name"]  # asked in get_search_results
    search_help_text = gettext_lazy("SKU, barcode or words of the name")
    ordering = ["product__sku", "location__priority"]
    add_label = gettext_lazy("Stock a product")
    empty_advice = gettext_lazy(
        "A product is listed here for each location at which it has been stocked."
    )

    def create(self, values: dict[str, Any]) -> StockLevel:
        location_id = values.pop("location_id")
        operations.open_inventory(location=str(location_id), **values)
        return StockLevel.objects.get(product=values["product_id"], location=location_id)

    def change(self, row: StockLevel, changes: dict[str, Any], seen_version: int) -> None:
        operations.set_reorder_settings(stock_level_id=row.pk, changes=changes)

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLevel]:
        return super().get_queryset(request).select_related("product", "location")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return LevelList

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and not _is_of_deleted(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any):
        kwargs["form"] = ReorderForm if obj else OpeningForm
        return super().get_form(request, obj, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: StockLevel | None = None) -> list[Any]:
        opening = [(None, {"fields": ["product", "location", "quantity"]})]
        return self.fieldsets if obj else opening

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        default = {"location": Location.objects.default().pk}
        return default | super().get_changeform_initial_data(request)

    def get_inlines(self, request: HttpRequest, obj: StockLevel | None) -> list[Any]:
        return self.inlines if obj else []

    def panel(self, request: HttpRequest, row: StockLevel) -> SafeString:
        return level_panel(request, row)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        text = search_term.strip()
        if not text:
            return queryset, False
        is_of_deleted = OfDeletedProductFilter.is_chosen(request)
        products = Product.objects.all()
        found = products.deleted_found_by(text) if is_of_deleted else products.found_by(text)
        rows = queryset.filter(product__in=found.values("pk"))
        return rows.annotate(are_left_out=found.query.annotations["are_left_out"]), False

    def is_called(self, row: StockLevel, text: str) -> bool:
        return is_called(row.product, text)

    @admin.display(description="")
    def picture(self, level: StockLevel) -> SafeString:
        return thumbnail(level.product)

    @admin.display(description=gettext_lazy("Product"), ordering="product__sku")
    def shown_product(self, level: StockLevel) -> SafeString:
        return product_name(level.product)

    @admin.display(description=gettext_lazy("Location"))
    def place(self, level: StockLevel) -> str:
        return level.location.name

    @admin.display(description=gettext_lazy("On hand"), ordering="on_hand")
    def shown_on_hand(self, level: StockLevel) -> SafeString:
        return figure(level.on_hand)

    @admin.display(description=gettext_lazy("Reserved"))
    def shown_reserved(self, level: StockLevel) -> SafeString:
        return figure(level.reserved)

    @admin.display(description=gettext_lazy("Available"), ordering="available")
    def shown_available(self, level: StockLevel) -> SafeString:
        return available(level)

    @admin.display(description=gettext_lazy("Incoming"))
    def shown_incoming(self, level: StockLevel) -> SafeString:
        return incoming(level.incoming, level.next_eta)

    @admin.display(description=gettext_lazy("Reorder point"), empty_value="–")
    def shown_reorder_point(self, level: StockLevel) -> int | None:
        return level.reorder_point

    @admin.display(description=gettext_lazy("Days of cover"))
    def shown_cover(self, level: Any) -> SafeString | str:
        return cover(level.available, level.cover.sold)

    @admin.display(description=gettext_lazy("Last movement"), empty_value="–")
    def last_moved(self, level: Any) -> SafeString | None:
        movement = level.last_movement
        if movement is None:
            return None
        what = format_html("{} {}", change(movement), reason_word(movement))
        return two_lines(what, moment(movement.created_at))

    def get_urls(self) -> list[Any]:
        """An address for each action's form, before those that take the rest for an id."""
        return [
            path(
                f"<path:object_id>/{action.name}/",
                self.admin_site.admin_view(partial(self.act, action)),
                name=f"inventory_stocklevel_{action.name}",
            )
            for action in ACTIONS
        ] + super().get_urls()

    def act(self, action: StockAction, request: HttpRequest, object_id: str) -> HttpResponse:
        """The form of an action on one level, and the answer to it."""
        level: StockLevel | None = self.get_object(request, object_id)
        if level is None:
            raise Http404
        if not request.user.has_perm(action.permission):
            raise PermissionDenied
        form = action.form(request.POST or None, level=level)
        back = _back(request, level)
        return stock_page(self, request, form, row=level, level=level, back=back)


def _is_of_deleted(level: Any) -> bool:
    return isinstance(level, StockLevel) and level.product.deleted_at is not None


def _back(request: HttpRequest, level: StockLevel) -> str:
    """The page that the form was opened from: the product's or the level's."""
    if request.GET.get("back") == "product":
        return reverse("admin:products_product_change", args=[level.product_id])
    return reverse("admin:inventory_stocklevel_change", args=[level.pk])
