"""Figures of stock in the list of products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin

from common.backoffice.display import figure, label
from inventory.admin import promise_display
from inventory.admin.display import is_low

if TYPE_CHECKING:
    from django.utils.safestring import SafeString

NEVER_STOCKED = label("–", tone="quiet", reason="Never stocked")


@admin.display(description="On hand")
def on_hand(product: Any) -> SafeString:
    return figure(product.inventory.quantity) if product.inventory else NEVER_STOCKED


@admin.display(description="Reserved")
def reserved(product: Any) -> SafeString:
    return figure(product.inventory.reserved) if product.inventory else NEVER_STOCKED


@admin.display(description="Available")
def available(product: Any) -> SafeString:
    """What can be promised over all locations, coloured when it is nothing or low anywhere."""
    inventory = product.inventory
    if inventory is None:
        return NEVER_STOCKED
    if inventory.available == 0:
        why = f"Out of stock: {inventory.quantity} on hand, {inventory.reserved} of them reserved"
        return label(0, tone="out", reason=why)
    for level in inventory.stock_levels:
        if is_low(level):
            why = f"Low at one location: {level.available} available"
            point = f"the reorder point is {level.reorder_point}"
            return label(inventory.available, tone="low", reason=f"{why}, {point}")
    return figure(inventory.available)


@admin.display(description="Incoming")
def incoming(product: Any) -> SafeString:
    """What is on its way to all locations, and when the first of it is expected."""
    inventory = product.inventory
    if inventory is None:
        return NEVER_STOCKED
    return promise_display.incoming(inventory.incoming, inventory.next_eta)
