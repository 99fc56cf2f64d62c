"""The ledger in the back office: to be read, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import DateFieldListFilter
from django.db.models import Q
from unfold.decorators import display

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import link, moment
from inventory.admin.display import change, product_link
from inventory.models import StockMovement, Transfer
from products.models import Product

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

MOST_PRODUCTS = 1_000


def of_product_or_reference(queryset: Any, search_term: str) -> tuple[Any, bool]:
    """Rows of products whose SKU begins so, or with just this reference.

    The products are asked for first: so each of the two conditions can use its index.
    """
    text = search_term.strip()
    if not text:
        return queryset, False
    products = Product.objects.filter(sku__startswith=text.upper()).values_list("pk", flat=True)
    wanted = Q(reference=text) | Q(product__in=list(products[:MOST_PRODUCTS]))
    return queryset.filter(wanted), False


@admin.register(StockMovement)
class StockMovementAdmin(ReadOnlyAdmin):
    list_display = [
        "at",
        "of_product",
        "location",
        "change",
        "on_hand_after",
        "because",
        "reference",
        "actor",
    ]
    list_filter = ["reason", "location", ("created_at", DateFieldListFilter)]
    list_select_related = ["product", "location"]
    search_fields = ["product__sku", "reference"]  # asked in get_search_results
    search_help_text = "SKU or whole reference"
    ordering = ["-id"]
    sortable_by = ["at"]
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
    ]
    readonly_fields = fields
    empty_advice = "Every change of stock will be listed here, by whom and why."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        return of_product_or_reference(queryset, search_term)

    @admin.display(description="when", ordering="id")
    def at(self, movement: StockMovement) -> SafeString | None:
        return moment(movement.created_at)

    @admin.display(description="product")
    def of_product(self, movement: StockMovement) -> SafeString:
        return product_link(movement.product)

    @admin.display(description="stock level")
    def at_level(self, movement: StockMovement) -> SafeString:
        return link(movement.stock_level, movement.stock_level)

    @admin.display(description="change")
    def change(self, movement: StockMovement) -> SafeString:
        return change(movement)

    @display(
        description="reason",
        label={
            "Receipt": "success",
            "Return": "success",
            "Damage": "danger",
            "Reversal": "warning",
            "Count": "info",
        },
    )
    def because(self, movement: StockMovement) -> str:
        return movement.get_reason_display()

    @admin.display(description="transfer")
    def its_transfer(self, movement: StockMovement) -> SafeString | None:
        return link(movement.transfer, movement.transfer) if movement.transfer else None

    @admin.display(description="reverses")
    def reverses(self, movement: StockMovement) -> SafeString | None:
        original = movement.reversal_of
        return link(original, original) if original else None


@admin.register(Transfer)
class TransferAdmin(ReadOnlyAdmin):
    list_display = [
        "at",
        "of_product",
        "quantity",
        "from_location",
        "to_location",
        "reference",
        "actor",
    ]
    list_filter = ["from_location", "to_location", ("created_at", DateFieldListFilter)]
    list_select_related = ["product", "from_location", "to_location"]
    search_fields = ["product__sku", "reference"]  # asked in get_search_results
    search_help_text = "SKU or whole reference"
    ordering = ["-id"]
    sortable_by = ["at"]
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
    ]
    readonly_fields = fields
    empty_advice = "Stock that is moved between two locations will be listed here."

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        return of_product_or_reference(queryset, search_term)

    @admin.display(description="when", ordering="id")
    def at(self, transfer: Transfer) -> SafeString | None:
        return moment(transfer.created_at)

    @admin.display(description="product")
    def of_product(self, transfer: Transfer) -> SafeString:
        return product_link(transfer.product)

    @admin.display(description="reverses")
    def reverses(self, transfer: Transfer) -> SafeString | None:
        original = transfer.reversal_of
        return link(original, original) if original else None
