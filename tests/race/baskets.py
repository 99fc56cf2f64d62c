"""A hold as the clients know it: what was asked of it, and what that leaves possible."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from tests.race.history import Outcome
from tests.race.operations import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.race.history import Entry, Hold

SLACK: Final = 0.05
"""Seconds that the database's clock may seem to differ from the clients'."""
NEVER: Final = float("inf")


@dataclass(slots=True)
class Basket:
    """Who made a hold, what was done with it later, and what the database has of it."""

    made: Entry
    holds: list[Hold] = field(default_factory=list)
    steps: list[Entry] = field(default_factory=list)

    @property
    def units(self) -> dict[int, int]:
        """Of each product, as they were asked for."""
        return dict(self.made.operation.lines)

    def attempts(self, *kinds: Kind) -> Iterator[Entry]:
        """The steps of these kinds that may have taken effect."""
        return (
            step
            for step in self.steps
            if step.operation.kind in kinds and step.outcome != Outcome.REFUSED
        )

    def may_hold(self, span: tuple[float, float], *, overdue: bool) -> bool:
        """Whether units can have been promised to it at some moment of a span.

        With ``overdue``, also when it was past its time, and nobody had needed the units.
        """
        if self.made.outcome == Outcome.REFUSED or self.made.began > span[1]:
            return False
        return self._given_up(overdue=overdue) >= span[0]

    def _given_up(self, *, overdue: bool) -> float:
        """The moment after which it has certainly nothing any more."""
        ends = [
            step.ended
            for step in self.attempts(Kind.RELEASE, Kind.SHIP)
            if step.outcome == Outcome.OK and step.figures["status"] not in {"active", "confirmed"}
        ]
        if not overdue and not any(self.attempts(Kind.CONFIRM, Kind.SHIP)):
            ends.append(self.expired_by() + SLACK)
        return min(ends, default=NEVER)

    def expired_by(self, *, without: Entry | None = None) -> float:
        """The moment after which it is past its time, unless it was confirmed or shipped."""
        given = [self.made, *self.attempts(Kind.EXTEND)]
        return max(one.ended + one.operation.seconds for one in given if one is not without)

    def may_be_overdue(self, moment: float) -> bool:
        """Whether it can have been past its time then, by whoever set that last."""
        given = [self.made, *self.attempts(Kind.EXTEND)]
        sure = [one for one in given if one.outcome == Outcome.OK and one.ended < moment]
        last = max((one.began for one in sure), default=float("-inf"))
        current = [one for one in given if one.ended >= last]
        return any(one.began + one.operation.seconds <= moment + SLACK for one in current)
