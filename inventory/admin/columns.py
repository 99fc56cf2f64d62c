"""Figures of stock in the list of products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.backoffice.display import figure, label
from inventory.admin import promise_display
from inventory.admin.display import is_low

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


def never_stocked() -> SafeString:
    return label("–", tone="quiet", reason=_("Never stocked"))


@admin.display(description=gettext_lazy("On hand"))
def on_hand(product: Any) -> SafeString:
    return figure(product.inventory.quantity) if product.inventory else never_stocked()


@admin.display(description=gettext_lazy("Reserved"))
def reserved(product: Any) -> SafeString:
    return figure(product.inventory.reserved) if product.inventory else never_stocked()


@admin.display(description=gettext_lazy("Available"))
def available(product: Any) -> SafeString:
    """What can be promised over all locations, coloured when it is nothing or low anywhere."""
    inventory = product.inventory
    if inventory is None:
        return never_stocked()
    if inventory.available == 0:
        why = _("Out of stock: %(on_hand)s on hand, %(reserved)s of them reserved") % {
            "on_hand": inventory.quantity,
            "reserved": inventory.reserved,
        }
        return label(0, tone="out", reason=why)
    for level in inventory.stock_levels:
        if is_low(level):
            why = _("Low at one location: %(available)s available, the reorder point is %(point)s")
            why %= {"available": level.available, "point": level.reorder_point}
            return label(inventory.available, tone="low", reason=why)
    return figure(inventory.available)


@admin.display(description=gettext_lazy("Incoming"))
def incoming(product: Any) -> SafeString:
    """What is on its way to all locations, and when the first of it is expected."""
    inventory = product.inventory
    if inventory is None:
        return never_stocked()
    return promise_display.incoming(inventory.incoming, inventory.next_eta)
