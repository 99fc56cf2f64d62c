"""How long stock will last, and how much of it to order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

PERIOD: Final = 28
"""The days whose sales tell the pace: four whole weeks, so that no weekday counts twice."""
MOST_PROPOSED: Final = 10**9
"""No batch is larger."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What decides how much to order for one stock level. Units.

    ``promised`` of what is ``incoming`` belongs to orders already; ``waiting`` is what orders
    have been promised without any supply. ``sold`` in the last 28 days.
    """

    available: int
    reorder_point: int
    reorder_quantity: int | None = None
    safety_stock: int = 0
    incoming: int = 0
    promised: int = 0
    waiting: int = 0
    sold: int = 0

    @property
    def position(self) -> int:
        """What there will be to sell once all that is on its way has come and nobody waits."""
        return self.available + self.incoming - self.promised - self.waiting


def days_of_cover(available: int, sold: int) -> int | None:
    """Whole days until the available units are gone at the pace of the last 28 days.

    None where nothing was sold: then nobody knows.
    """
    return max(available, 0) * PERIOD // sold if sold > 0 else None


def proposed_quantity(demand: Demand) -> int:
    """How many to order now; none while what is on its way lifts the stock above the reorder point.

    Where a reorder quantity is set, as few times as many as lift it above. Otherwise so many that
    four weeks' sales and the safety stock are there beyond the reorder point.
    """
    line, lot = demand.reorder_point, demand.reorder_quantity
    missing = line + 1 - demand.position
    if missing <= 0:
        return 0
    if lot:
        return min(-(-missing // lot) * lot, MOST_PROPOSED)
    beyond = demand.safety_stock + max(demand.sold, 0)
    return min(max(missing, line + beyond - demand.position), MOST_PROPOSED)
