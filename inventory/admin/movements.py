"""The ledger in the back office: to be read and gone on with, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.contrib.admin import DateFieldListFilter
from django.urls import reverse

from common.backoffice.display import figure, link
from inventory.admin.display import change, reason
from inventory.admin.filters import LocationFilter
from inventory.admin.reversal_forms import MovementReversalForm
from inventory.admin.reversals import ReversibleAdmin
from inventory.admin.stock_page import stock_page
from inventory.models import StockMovement

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


@admin.register(StockMovement)
class StockMovementAdmin(ReversibleAdmin):
    list_display = [
        "at",
        "of_product",
        "place",
        "change",
        "shown_after",
        "because",
        "reference",
        "actor",
    ]
    list_filter = ["reason", ("location", LocationFilter), ("created_at", DateFieldListFilter)]
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
    empty_advice = "Every change of stock will be listed here, by whom and why."

    @admin.display(description="Stock level")
    def at_level(self, movement: StockMovement) -> SafeString:
        return link(movement.stock_level, movement.stock_level)

    @admin.display(description="Change")
    def change(self, movement: StockMovement) -> SafeString:
        return change(movement)

    @admin.display(description="Location")
    def place(self, movement: StockMovement) -> str:
        return movement.location.name

    @admin.display(description="On hand after")
    def shown_after(self, movement: StockMovement) -> SafeString:
        return figure(movement.on_hand_after)

    @admin.display(description="Reason")
    def because(self, movement: StockMovement) -> SafeString:
        return reason(movement)

    @admin.display(description="Transfer")
    def its_transfer(self, movement: StockMovement) -> SafeString | str:
        return link(movement.transfer, movement.transfer) if movement.transfer else "–"

    def is_reversible(self, row: StockMovement) -> bool:
        """One leg of a transfer is not reversed alone."""
        return super().is_reversible(row) and row.transfer_id is None

    def reversal(self, request: HttpRequest, row: StockMovement) -> HttpResponse:
        form = MovementReversalForm(request.POST or None, movement=row)
        back = reverse("admin:inventory_stockmovement_change", args=[row.pk])
        return stock_page(self, request, form, row=row, level=row.stock_level, back=back)
