"""Transfers in the back office: to be read and reversed, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from common.backoffice.display import figure
from common.backoffice.filters import DatesFilter
from inventory.admin.filters import LocationFilter
from inventory.admin.reversal_forms import TransferReversalForm
from inventory.admin.reversals import ReversibleAdmin
from inventory.admin.stock_page import stock_page
from inventory.models import StockLevel, Transfer

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString


@admin.register(Transfer)
class TransferAdmin(ReversibleAdmin):
    list_display = [
        "at",
        "of_product",
        "shown_quantity",
        "source",
        "target",
        "reference",
        "actor",
    ]
    list_filter = [
        ("from_location", LocationFilter),
        ("to_location", LocationFilter),
        ("created_at", DatesFilter),
    ]
    list_select_related = ["product", "from_location", "to_location"]
    fields = [
        "at",
        "of_product",
        "quantity",
        "from_location",
        "to_location",
        "reference",
        "note",
        "actor",
        "request_id",
        "reverses",
        "reversed_by",
    ]
    readonly_fields = fields
    empty_advice = gettext_lazy("Stock that is moved between two locations will be listed here.")

    @admin.display(description=gettext_lazy("Quantity"))
    def shown_quantity(self, transfer: Transfer) -> SafeString:
        return figure(transfer.quantity)

    @admin.display(description=pgettext_lazy("location", "From"))
    def source(self, transfer: Transfer) -> str:
        return transfer.from_location.name

    @admin.display(description=pgettext_lazy("location", "To"))
    def target(self, transfer: Transfer) -> str:
        return transfer.to_location.name

    def reversal(self, request: HttpRequest, row: Transfer) -> HttpResponse:
        form = TransferReversalForm(request.POST or None, transfer=row)
        level = StockLevel.objects.get(product=row.product, location=row.to_location)
        back = reverse("admin:inventory_transfer_change", args=[row.pk])
        return stock_page(self, request, form, row=row, level=level, back=back)
