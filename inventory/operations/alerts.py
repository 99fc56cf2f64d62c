"""Telling others that stock is low, out, or enough again: once, when the line is crossed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.events.recording import Fact
from inventory import rules

if TYPE_CHECKING:
    from inventory.models import StockLevel

EVENTS: Final = {"": "stock.back", "low": "stock.low", "out": "stock.out"}


def alerted(level: StockLevel, *, available: int, reorder_point: int | None) -> list[Fact]:
    """Set the alert of a level as it is now, and return what is to be told, if anything.

    ``available`` and ``reorder_point`` are what they were before. A level of which nobody has
    been told anything may have been low for long, as after an import: that is no news. Nor is it
    that a new one was empty.
    """
    known = level.alert
    if not known and level.movement_count > 1:
        known = rules.alert("", available, reorder_point)
    level.alert = rules.alert(known, level.available, level.reorder_point)
    return [] if level.alert == known else [_fact(level)]


def _fact(level: StockLevel) -> Fact:
    figures = {
        "sku": level.product.sku,
        "location": level.location.code,
        "available": level.available,
        "on_hand": level.on_hand,
        "reorder_point": level.reorder_point,
    }
    return Fact(EVENTS[level.alert], "inventory", level.product_id, figures)
