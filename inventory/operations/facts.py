"""What others are told of stock: that it has changed, and once that it is low, out or back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.events.recording import Fact
from inventory import rules

if TYPE_CHECKING:
    from inventory.models import StockLevel, StockMovement

EVENTS: Final = {"": "stock.back", "low": "stock.low", "out": "stock.out"}


def moved(movement: StockMovement) -> Fact:
    """Units have moved."""
    after = movement.on_hand_after
    return Fact(
        "stock.changed",
        "inventory",
        movement.product_id,
        {
            "sku": movement.product.sku,
            "location": movement.location.code,
            "before": after - movement.delta,
            "after": after,
            "movement_id": str(movement.pk),
            "reason": movement.reason,
            "reference": movement.reference,
        },
    )


def unmoved(level: StockLevel, why: str, **more: object) -> Fact:
    """Something about a level's stock has changed, and no units have moved."""
    figures = {
        "sku": level.product.sku,
        "location": level.location.code,
        "before": level.on_hand,
        "after": level.on_hand,
        "movement_id": None,
        "reason": why,
        "reference": "",
    }
    return Fact("stock.changed", "inventory", level.product_id, figures | more)


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
    return [] if level.alert == known else [_alert(level)]


def _alert(level: StockLevel) -> Fact:
    figures = {
        "sku": level.product.sku,
        "location": level.location.code,
        "available": level.available,
        "on_hand": level.on_hand,
        "reorder_point": level.reorder_point,
    }
    return Fact(EVENTS[level.alert], "inventory", level.product_id, figures)
