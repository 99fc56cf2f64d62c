"""How figures of stock look on the pages of the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.urls import reverse
from django.utils.html import format_html

from common.backoffice.display import label, link

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

    from inventory.models import StockLevel, StockMovement
    from products.models import Product


def product_link(product: Product) -> SafeString:
    return link(product, product)


def available(level: StockLevel) -> SafeString:
    """What can be promised, coloured when it is nothing or low, with the reason on hover."""
    figure = level.available
    if figure == 0:
        reason = f"Out: {level.on_hand} on hand, {level.reserved} of them reserved"
        return label(figure, tone="out", reason=reason)
    point = level.reorder_point
    if point is not None and figure <= point:
        return label(figure, tone="low", reason=f"Low: the reorder point is {point}")
    return format_html('<span class="so-figure">{}</span>', figure)


def change(movement: StockMovement) -> SafeString:
    """A movement's signed number of units."""
    tone = "less" if movement.delta < 0 else "more"
    return format_html(
        '<span class="so-figure so-{}">{}</span>', tone, f"{movement.delta:+}".replace("-", "−")
    )


def adjust_link(level: StockLevel, *, query: str = "") -> SafeString:
    """``query`` says where the form leads back to."""
    address = reverse("admin:inventory_stocklevel_adjust", args=[level.pk])
    return format_html('<a class="so-link" href="{}{}">Adjust stock</a>', address, query)
