"""Do the figures and what explains them say the same? Read in small steps, beside normal traffic.

Nothing is locked. Each step is one short statement, and what it compares with each other is read
by that one statement.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.verification.days import summarised_days
from inventory.verification.findings import Difference, Step
from inventory.verification.ledger import levels_with_ledger, movements_to_verify
from inventory.verification.promises import (
    batches,
    ended_reservations,
    open_lines,
    supplies,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["Difference", "Step", "movements_to_verify", "verify"]


def verify() -> Iterator[Step]:
    """Compare stock levels with ledger, promises and batches; those with each other (RULES S11).

    on_hand = Σ delta; sequences 1, 2, 3 … up to movement_count without gaps; every on_hand_after
    the running total; reserved = Σ allocations on the level; incoming and next_eta those of its
    batches. Of a batch, allocated = Σ allocations on it ≤ what is outstanding. Of a line of an
    open reservation that is not past its time, quantity = shipped + Σ its allocations +
    unallocated; what supplies it is of its product. Of the summary by days, each row = the
    movements of its level, day and reason. Memory does not grow with the number of rows.
    """
    yield from levels_with_ledger()
    yield from batches()
    yield from open_lines()
    yield from supplies()
    yield from ended_reservations()
    yield from summarised_days()
