"""The forms of a stock level's page: the first stock of a product, and when to reorder."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.backoffice.forms import OperationForm
from inventory.admin.stock_fields import Units
from inventory.models import StockLevel


class ReorderForm(OperationForm):
    """When to reorder. What differs from the page as it was shown is changed, and nothing else.

    A level's version cannot say whether somebody else has changed these settings: it also rises
    with every sale.
    """

    seen_version = None  # type: ignore[assignment]  # Django's way to leave out a field
    reorder_point = Units(
        label=gettext_lazy("Reorder point"),
        min_value=0,
        required=False,
        show_hidden_initial=True,
        help_text=gettext_lazy(
            "The level is low when this many or fewer are available. Empty: never low."
        ),
    )
    reorder_quantity = Units(
        label=gettext_lazy("Reorder quantity"),
        min_value=0,
        required=False,
        show_hidden_initial=True,
        help_text=gettext_lazy("How many to order then."),
    )
    safety_stock = Units(
        label=gettext_lazy("Safety stock"),
        min_value=0,
        show_hidden_initial=True,
        help_text=gettext_lazy("What should never be used up."),
    )

    class Meta:
        model = StockLevel
        fields = ("reorder_point", "reorder_quantity", "safety_stock")


class OpeningForm(OperationForm):
    """The first stock of a product at a location."""

    quantity = Units(
        label=gettext_lazy("Quantity"),
        min_value=0,
        initial=0,
        help_text=gettext_lazy("Units above zero are booked as a receipt."),
    )

    class Meta:
        model = StockLevel
        fields = ("product", "location")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Asked to stock a product, it offers the locations where that product is not yet."""
        super().__init__(*args, **kwargs)
        product = self.initial.get("product")
        if product and not self.is_bound:
            self._offer_locations_without(product)

    def _offer_locations_without(self, product_id: str) -> None:
        field: Any = self.fields["location"]
        stocked = StockLevel.objects.filter(product_id=product_id).values("location_id")
        field.queryset = field.queryset.filter(is_active=True).exclude(pk__in=stocked)
        offered = list(field.queryset.order_by("priority", "code").values_list("pk", flat=True))
        if self.initial.get("location") not in offered:
            self.initial["location"] = offered[0] if offered else None
        if not offered:
            field.help_text = _("It is stocked at every active location already.")
