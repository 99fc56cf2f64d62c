"""What is to be ordered: the low stock levels, the soonest empty first."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.admin.views.main import ORDER_VAR
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import figure, label, two_lines
from common.backoffice.lists import MOST_COUNTED, QuickChangeList
from inventory.admin.bulk import BulkAction, BulkAdmin
from inventory.admin.cover_display import cover
from inventory.admin.display import available, product_name
from inventory.admin.filters import LocationFilter, SupplyFilter
from inventory.admin.promise_display import day, incoming, today
from inventory.admin.replenishment_forms import OrderForm, SnoozeForm
from inventory.models import Replenishment
from inventory.queries.cover import sold_of
from inventory.queries.ordering import demands, snoozed, to_order_for
from inventory.rules.reordering import days_of_cover, proposed_quantity
from products.admin.images import thumbnail
from products.models import Product

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

BULK_ACTIONS: Final = (
    BulkAction("order", gettext_lazy("Create batches"), "inventory.add_batch", OrderForm),
    BulkAction("snooze", gettext_lazy("Snooze"), "inventory.change_stocklevel", SnoozeForm),
)
SEE: Final = ("inventory.view_stocklevel", "inventory.change_stocklevel")


class SnoozedFilter(SimpleListFilter):
    """Those that are snoozed are out of sight until somebody asks for them, or their day comes."""

    title = gettext_lazy("snoozed")
    parameter_name = "snoozed"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("yes", _("Snoozed")), ("all", _("All"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        match self.value():
            case "yes":
                return queryset.filter(snoozed())
            case "all":
                return queryset
        return queryset.exclude(snoozed())

    def choices(self, changelist: Any):
        first, *others = super().choices(changelist)
        yield first | {"display": _("Not snoozed")}
        yield from others


class ReplenishmentList(QuickChangeList):
    """A page of levels with what decides how much to order of each, in as many queries for many
    as for few. By days of cover, unless a column is chosen.
    """

    def url_for_result(self, result: Any) -> str:
        return reverse("admin:inventory_stocklevel_change", args=[result.pk])

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        is_by_column = ORDER_VAR in self.params
        rows: list[Any] = list(self.result_list) if is_by_column else self._soonest()  # type: ignore[has-type]  # set by super()
        found = demands(rows)
        for row in rows:
            row.demand = found[row.pk]
        self.result_list = rows

    def _soonest(self) -> list[Any]:
        """The page's rows; of very many levels, those with the fewest available are compared."""
        least = self.queryset.order_by("available", "pk").values_list("pk", "available")
        candidates = dict(least[:MOST_COUNTED])
        sold = sold_of(candidates)

        def soonest(pk: Any) -> tuple[bool, int, int, Any]:
            days = days_of_cover(candidates[pk], sold.get(pk, 0))
            return days is None, days or 0, candidates[pk], pk

        begin = (self.page_num - 1) * self.list_per_page
        keys = sorted(candidates, key=soonest)[begin : begin + self.list_per_page]
        rows = {row.pk: row for row in self.queryset.filter(pk__in=keys)}
        return [rows[pk] for pk in keys if pk in rows]


@admin.register(Replenishment)
class ReplenishmentAdmin(BulkAdmin, ReadOnlyAdmin):
    list_display = [
        "picture",
        "shown_product",
        "place",
        "shown_available",
        "shown_incoming",
        "shown_reorder_point",
        "shown_sold",
        "shown_cover",
        "shown_proposed",
    ]
    list_display_links = ["shown_product"]
    sortable_by = ["shown_product", "shown_available"]
    list_filter = [
        SnoozedFilter,
        ("location", LocationFilter),
        SupplyFilter,
        "product__category",
    ]
    search_fields = ["product__sku", "product__name"]  # asked in get_search_results
    search_help_text = gettext_lazy("SKU, barcode or words of the name")
    ordering = ["pk"]  # which is to say by days of cover: see ReplenishmentList
    actions: ClassVar[list[str]] = []
    bulk_actions = BULK_ACTIONS
    empty_advice = gettext_lazy(
        "Nothing is low. A stock level is listed here once no more than its reorder point is"
        " available; set reorder points on the pages of stock levels."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Replenishment]:
        rows = to_order_for().select_related("product", "location")
        return rows.defer("product__search", "product__description")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return ReplenishmentList

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return any(request.user.has_perm(each) for each in SEE)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """A level has one page, whichever list it is found on."""
        if object_id:
            return redirect("admin:inventory_stocklevel_change", object_id)
        return super().changeform_view(request, object_id, *args, **kwargs)

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        text = search_term.strip()
        if not text:
            return queryset, False
        found = Product.objects.all().found_by(text)
        rows = queryset.filter(product__in=found.values("pk"))
        return rows.annotate(are_left_out=found.query.annotations["are_left_out"]), False

    @admin.display(description="")
    def picture(self, level: Replenishment) -> SafeString:
        return thumbnail(level.product)

    @admin.display(description=gettext_lazy("Product"), ordering="product__sku")
    def shown_product(self, level: Replenishment) -> SafeString:
        return product_name(level.product)

    @admin.display(description=gettext_lazy("Location"))
    def place(self, level: Replenishment) -> SafeString | str:
        is_snoozed = level.snoozed_until and level.snoozed_until > today()
        if not is_snoozed:
            return level.location.name
        until = _("Snoozed until %(day)s") % {"day": day(level.snoozed_until)}
        return two_lines(level.location.name, until)

    @admin.display(description=gettext_lazy("Available"), ordering="available")
    def shown_available(self, level: Replenishment) -> SafeString:
        return available(level)

    @admin.display(description=gettext_lazy("Incoming"))
    def shown_incoming(self, level: Replenishment) -> SafeString:
        return incoming(level.incoming, level.next_eta)

    @admin.display(description=gettext_lazy("Reorder point"))
    def shown_reorder_point(self, level: Replenishment) -> SafeString:
        shown = figure(level.reorder_point or 0)
        safety = _("safety stock %(count)s") % {"count": level.safety_stock}
        return two_lines(shown, safety) if level.safety_stock else shown

    @admin.display(description=gettext_lazy("Sold in 28 days"))
    def shown_sold(self, level: Any) -> SafeString:
        return figure(level.demand.sold)

    @admin.display(description=gettext_lazy("Days of cover"))
    def shown_cover(self, level: Any) -> SafeString | str:
        return cover(level.demand.available, level.demand.sold)

    @admin.display(description=gettext_lazy("To order"))
    def shown_proposed(self, level: Any) -> SafeString:
        return proposed(level)


def proposed(level: Any) -> SafeString:
    """How many to order, and what else than sales it is for."""
    quantity = proposed_quantity(level.demand)
    if not quantity:
        why = _("What is on its way lifts it above its reorder point")
        return label(0, tone="quiet", reason=why)
    waiting = level.demand.waiting
    shown = label(quantity, tone="note", reason="")
    told = _("%(count)s for orders that wait") % {"count": waiting} if waiting else ""
    return two_lines(shown, told)
