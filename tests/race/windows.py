"""Which states of a stock level a client can have met, given when its request began and ended."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from itertools import accumulate
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.race.history import Movement

Span = tuple[float, float]
"""When an operation began and when it ended."""
BEFORE_ALL: Span = (float("-inf"), float("-inf"))


class Ledger:
    """The movements of one stock level in their sequence, each with the span of its operation.

    State k is what is on hand after k movements.
    """

    def __init__(self, movements: Sequence[Movement], spans: Sequence[Span]) -> None:
        self.movements = movements
        self.spans = spans
        self.on_hand = [0, *(movement.on_hand_after for movement in movements)]
        # The earliest end from here on, the latest beginning up to here: both only grow.
        ends = [ended for _, ended in spans]
        self._earliest_end = list(accumulate(reversed(ends), min))[::-1]
        self._latest_begin = list(accumulate((began for began, _ in spans), max))

    def states(self, began: float, ended: float) -> range:
        """The states that were current at some moment of a span.

        A state is over when a movement after it was completed before the span, and not there yet
        when one of its own movements began after it.
        """
        completed = bisect_left(self._earliest_end, began)
        possible = bisect_right(self._latest_begin, ended)
        return range(completed, possible + 1)

    def figures(self, began: float, ended: float) -> set[int]:
        """What was on hand at some moment of a span."""
        return {self.on_hand[state] for state in self.states(began, ended)}

    def out_of_order(self) -> Iterator[tuple[Movement, Movement]]:
        """Pairs of movements of which the later in the ledger was completed before the other began.

        For each movement at most one pair.
        """
        for index in range(len(self.movements) - 1):
            began = self.spans[index][0]
            if self._earliest_end[index + 1] < began:
                later = next(
                    place
                    for place in range(index + 1, len(self.movements))
                    if self.spans[place][1] < began
                )
                yield self.movements[index], self.movements[later]
