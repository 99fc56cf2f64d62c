"""Rounds: everybody does the same in turn, again and again, and only neighbours are compared.

What else the machine does changes from one minute to the next. It falls on all contenders of a
round alike, so a ratio is taken within each round, and what is told is the median of the ratios.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from statistics import median
from typing import TYPE_CHECKING

from tqdm import tqdm

if TYPE_CHECKING:
    from collections.abc import Sequence


class Wrong(SystemExit):
    """An answer was wrong, or stock is not what the answers say: the figures are void."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What one turn of one contender gave.

    ``rate`` is right answers a second. The costs are microseconds of processor time for each of
    them: of all processes of the server, of PostgreSQL, of Redis, and of the load generator.
    ``others`` and ``steal`` are shares of the machine. ``p95`` is in milliseconds, by kind.
    """

    rate: float
    answers: int
    server: float
    postgres: float
    redis: float
    load: float
    others: float
    steal: float
    p95: dict[str, float] = field(default_factory=dict)


Turn = Callable[[float], Figures]
"""Does its part for so many seconds."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is asked, and who is asked it; the first one is ours."""

    name: str
    turns: Mapping[str, Turn]


Measured = dict[str, dict[str, list[Figures]]]
"""By scenario and by contender, the figures of each round."""


def measured(scenarios: Sequence[Scenario], *, rounds: int, seconds: float) -> Measured:
    """All turns of all scenarios, round after round; every second round goes backwards."""
    found: Measured = {each.name: {who: [] for who in each.turns} for each in scenarios}
    for number in tqdm(range(rounds), unit=" rounds", file=sys.stderr, disable=None):
        for scenario in scenarios:
            turns = list(scenario.turns.items())
            for who, turn in turns if number % 2 == 0 else reversed(turns):
                found[scenario.name][who].append(turn(seconds))
    return found


@dataclass(frozen=True, slots=True)
class Ratio:
    """The median of the rounds' ratios, and the least and the greatest of them."""

    middle: float
    least: float
    greatest: float

    def __str__(self) -> str:
        return f"{self.middle:.2f} ({self.least:.2f} to {self.greatest:.2f})"


def ratio(ours: Sequence[float], theirs: Sequence[float]) -> Ratio:
    ratios = [one / other for one, other in zip(ours, theirs, strict=True)]
    return Ratio(median(ratios), min(ratios), max(ratios))
