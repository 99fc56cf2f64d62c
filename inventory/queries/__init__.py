"""Reads that join several models, as small dataclasses."""

from inventory.queries.explaining import (
    ExplainedHold,
    ExplainedLevel,
    ExplainedSupply,
    Explanation,
    ReasonSum,
    explain,
)
from inventory.queries.history import Standing, day_ends, on_hand_at, stock_at
from inventory.queries.holding import (
    HOLDS_NAMED,
    Held,
    HeldLine,
    held,
    held_all,
    holds_on,
    holds_on_each,
)
from inventory.queries.inventories import Inventory, inventories_of
from inventory.queries.promising import Availability, AvailableLine, availability
from inventory.queries.shares import Share

__all__ = [
    "HOLDS_NAMED",
    "Availability",
    "AvailableLine",
    "ExplainedHold",
    "ExplainedLevel",
    "ExplainedSupply",
    "Explanation",
    "Held",
    "HeldLine",
    "Inventory",
    "ReasonSum",
    "Share",
    "Standing",
    "availability",
    "day_ends",
    "explain",
    "held",
    "held_all",
    "holds_on",
    "holds_on_each",
    "inventories_of",
    "on_hand_at",
    "stock_at",
]
