"""The ledger in the back office: to be read and gone on with, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from common.backoffice.display import figure, link
from common.backoffice.filters import DatesFilter
from inventory.admin.display import change, reason
from inventory.admin.explaining import explanation_page
from inventory.admin.filters import LocationFilter
from inventory.admin.reversal_forms import MovementReversalForm
from inventory.admin.reversals import ReversibleAdmin
from inventory.admin.stock_page import stock_page
from inventory.admin.timeline import (
    OF_ONE,
    ActorFilter,
    MovementList,
    PeriodFilter,
    ReferenceFilter,
    SheetFilter,
    exported,
    reference,
)
from inventory.models import StockMovement

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

SPANS: Final = {"created_at_from", "created_at_to", "created_at__gte", "created_at__lt"}
"""Parameters that narrow the list down to a span of time."""


@admin.register(StockMovement)
class StockMovementAdmin(ReversibleAdmin):
    list_display = [
        "at",
        "of_product",
        "place",
        "change",
        "shown_after",
        "because",
        "shown_reference",
        "actor",
    ]
    list_filter = [
        ("created_at", DatesFilter),
        ("created_at", PeriodFilter),
        "reason",
        ReferenceFilter,
        ActorFilter,
        SheetFilter,
        ("location", LocationFilter),
    ]
    list_before_template = "inventory/timeline_export.html"
    list_select_related = ["product", "location"]
    fields = [
        "at",
        "of_product",
        "at_level",
        "change",
        "on_hand_after",
        "sequence",
        "because",
        "reference",
        "note",
        "actor",
        "request_id",
        "its_transfer",
        "reverses",
        "reversed_by",
    ]
    readonly_fields = fields
    empty_advice = gettext_lazy("Every change of stock will be listed here, by whom and why.")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[MovementList]:
        return MovementList

    def get_ordering(self, request: HttpRequest) -> list[str]:
        """Newest first, by the index that leads to the rows asked for.

        A span of time is walked by time: its start may be millions of rows from the end.
        """
        asked = request.GET.keys()
        if "stock_level__id__exact" in asked:
            return ["-sequence"]
        if asked & SPANS and not asked & {*OF_ONE, "reference", "sheet"}:
            return ["-created_at", "-id"]
        return ["-id"]

    def get_urls(self) -> list[Any]:
        """The timeline's file, and the sums of a product, before what takes the rest for an id."""
        export = self.admin_site.admin_view(self.export_view)
        explain = self.admin_site.admin_view(self.explain_view)
        return [
            path("export/", export, name="inventory_stockmovement_export"),
            path("explain/<uuid:product_id>/", explain, name="inventory_stockmovement_explain"),
            *super().get_urls(),
        ]

    def export_view(self, request: HttpRequest) -> Any:
        """The list as it is narrowed down, as a file."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        try:
            return exported(self.get_changelist_instance(request).queryset)
        except IncorrectLookupParameters:
            return redirect("admin:inventory_stockmovement_changelist")

    def explain_view(self, request: HttpRequest, product_id: UUID) -> HttpResponse:
        return explanation_page(self, request, product_id)

    @admin.display(description=gettext_lazy("Reference"))
    def shown_reference(self, movement: StockMovement) -> SafeString | str:
        return reference(movement)

    @admin.display(description=gettext_lazy("Stock level"))
    def at_level(self, movement: StockMovement) -> SafeString:
        return link(movement.stock_level, movement.stock_level)

    @admin.display(description=pgettext_lazy("of stock", "Change"))
    def change(self, movement: StockMovement) -> SafeString:
        return change(movement)

    @admin.display(description=gettext_lazy("Location"))
    def place(self, movement: StockMovement) -> str:
        return movement.location.name

    @admin.display(description=gettext_lazy("On hand after"))
    def shown_after(self, movement: StockMovement) -> SafeString:
        return figure(movement.on_hand_after)

    @admin.display(description=gettext_lazy("Reason"))
    def because(self, movement: StockMovement) -> SafeString:
        return reason(movement)

    @admin.display(description=gettext_lazy("Transfer"))
    def its_transfer(self, movement: StockMovement) -> SafeString | str:
        return link(movement.transfer, movement.transfer) if movement.transfer else "–"

    def is_reversible(self, row: StockMovement) -> bool:
        """One leg of a transfer is not reversed alone."""
        return super().is_reversible(row) and row.transfer_id is None

    def reversal(self, request: HttpRequest, row: StockMovement) -> HttpResponse:
        form = MovementReversalForm(request.POST or None, movement=row)
        back = reverse("admin:inventory_stockmovement_change", args=[row.pk])
        return stock_page(self, request, form, row=row, level=row.stock_level, back=back)
