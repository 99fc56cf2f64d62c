"""What becomes of a stock level when a line of a count sheet is applied, or why nothing does."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from common.errors import Invalid
from inventory.errors import BelowReserved, StaleQuantity
from inventory.rules.changes import check_limit


class How(StrEnum):
    """How a count is applied; the last two are for levels that have moved since."""

    SET = "set"
    DIFFERENCE = "difference"
    ANYWAY = "anyway"


@dataclass(frozen=True, slots=True)
class Found:
    """What was counted, and the stock level as it is now. Whole units."""

    expected: int
    counted: int
    on_hand: int
    reserved: int = 0
    has_moved: bool = False

    def after(self, how: How) -> int:
        """The units that would be on hand then; fewer than none shows that it cannot be."""
        if how is How.DIFFERENCE:
            return self.on_hand + self.counted - self.expected
        return self.counted


def settled(found: Found, how: How, *, release_latest: bool = False) -> int:
    """The units on hand after a count has been applied.

    Refuses with StaleQuantity to set a level that has moved since the sheet was made, with
    Invalid what would leave fewer than none, with QuantityLimit, and with BelowReserved unless
    the latest promises may be taken back.
    """
    if how is How.SET and found.has_moved:
        raise StaleQuantity(
            f"It was {found.expected} when the sheet was made and is {found.on_hand} now.",
            expected=found.expected,
            current=found.on_hand,
        )
    after = found.after(how)
    if after < 0:
        raise Invalid(
            f"{found.expected - found.counted} fewer than {found.on_hand} cannot be on hand."
            " Count again, or set what was counted."
        )
    check_limit(after)
    if after < found.reserved and not release_latest:
        raise BelowReserved(reserved=found.reserved)
    return after
