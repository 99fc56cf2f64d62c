"""What the clients of a race will do, and what will go wrong: the same for the same seed."""

from __future__ import annotations

from dataclasses import replace
from heapq import heappop, heappush
from random import Random
from typing import Final

from tests.race.operations import (
    ANNEX,
    BARE,
    COLD,
    HELD,
    HOT,
    LACKING,
    MAIN,
    RARE,
    DiesAt,
    Kind,
    Operation,
    Trouble,
)


def schedule(seed: int, length: int) -> list[Operation]:
    """The operations of a race, in the order in which clients take them up."""
    random = Random(seed)  # noqa: S311 - reproducible, not secret
    met = mishaps(random, length)
    agenda = Agenda(random)
    return [_met(agenda.next(number), random, met.get(number)) for number in range(length)]


def mishaps(random: Random, length: int) -> dict[int, DiesAt | Trouble]:
    """Which operation meets what. A short race meets everything too."""
    counts: dict[DiesAt | Trouble, int] = {
        Trouble.WORKER_KILLED: max(2, length // 2_000),
        Trouble.SESSION_ENDED: max(2, length // 2_000),
        Trouble.HANGS_UP: max(4, length // 50),
    }
    counts |= dict.fromkeys(DiesAt, max(2, length // 2_500))
    wanted = [mishap for mishap, count in counts.items() for _ in range(count)]
    numbers = random.sample(range(length), min(length, len(wanted)))
    return dict(zip(numbers, wanted, strict=False))


def _met(wish: Operation, random: Random, mishap: DiesAt | Trouble | None) -> Operation:
    return replace(
        wish,
        dies_at=mishap if isinstance(mishap, DiesAt) else None,
        trouble=mishap if isinstance(mishap, Trouble) else None,
        sent_again=random.random() < 0.05,
        luck=random.randrange(10**6),
    )


class Agenda:
    """What is to be done next: something new, or a further step of what was begun before."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._steps: list[tuple[int, int, Operation]] = []
        self._noted = 0

    def next(self, number: int) -> Operation:
        if self._steps and self._steps[0][0] <= number:
            _, _, step = heappop(self._steps)
            return replace(step, number=number)
        (begin,) = self._random.choices(
            [plain, basket, batch, next_in_line, backorder], [63, 24, 8, 3, 2]
        )
        first, further = begin(self._random)
        due = number
        for gap, step in further:
            due += gap
            self._noted += 1
            heappush(self._steps, (due, self._noted, replace(step, of=number)))
        return replace(first, number=number)


Story = tuple[Operation, list[tuple[int, Operation]]]
"""How it begins, and its further steps: how many operations after the one before, and what."""

SOON: Final = (3, 40)
AT_ONCE: Final = (0, 1)
WHILE: Final = (15, 70)
LATER: Final = (30, 160)
LIVES: Final = {
    # The steps of a hold after it was made, and how often it has such a life.
    ((SOON, Kind.CONFIRM), (SOON, Kind.SHIP)): 16,
    ((SOON, Kind.CONFIRM), (SOON, "part"), (SOON, Kind.SHIP)): 10,
    ((SOON, Kind.CONFIRM), (SOON, "part"), (AT_ONCE, "part"), (AT_ONCE, Kind.SHIP)): 5,
    ((SOON, "part"), (AT_ONCE, Kind.RELEASE)): 4,
    ((SOON, Kind.SHIP), (AT_ONCE, Kind.SHIP)): 5,
    ((SOON, Kind.CONFIRM), (AT_ONCE, Kind.RELEASE), (AT_ONCE, Kind.SHIP)): 8,
    ((SOON, Kind.RELEASE), (AT_ONCE, Kind.RELEASE)): 10,
    ((SOON, Kind.CONFIRM), (LATER, Kind.RELEASE)): 8,
    ((SOON, Kind.EXTEND), (SOON, Kind.CONFIRM), (LATER, Kind.SHIP)): 6,
    ((SOON, Kind.CONFIRM),): 3,
    (): 3,
}
SHORT_LIVES: Final = {
    # Of a hold that lasts a second. What is late comes after that.
    (): 8,
    ((SOON, "late"),): 8,
    ((LATER, Kind.CONFIRM), (AT_ONCE, Kind.SHIP)): 5,
    ((LATER, Kind.EXTEND), (LATER, Kind.CONFIRM)): 4,
    ((SOON, Kind.EXTEND), (SOON, "late"), (AT_ONCE, Kind.RELEASE)): 3,
}
LONG_AGO: Final = -50_000
ARRIVALS: Final = {
    # The same of a batch.
    ((WHILE, Kind.RECEIVE),): 6,
    ((SOON, Kind.RECEIVE), (AT_ONCE, Kind.RECEIVE), (WHILE, Kind.RECEIVE)): 4,
    ((SOON, Kind.POSTPONE), (SOON, Kind.CUT), (WHILE, Kind.RECEIVE)): 5,
    ((SOON, Kind.CUT), (AT_ONCE, Kind.RECEIVE), (LATER, Kind.CUT)): 4,
    ((LATER, Kind.CANCEL), (AT_ONCE, Kind.RECEIVE)): 3,
}


def plain(random: Random) -> Story:
    """Something that is over with one request."""
    (product,) = random.choices([HOT, BARE, random.randint(1, COLD)], [36, 24, 40])
    is_hot = product in (HOT, BARE)
    (kind,) = random.choices(
        [Kind.SALE, Kind.RECEIPT, Kind.COUNT, Kind.TRANSFER],
        [60, 12, 12, 16] if is_hot else [70, 18, 12, 0],
    )
    return _wish(random, kind, product, is_hot=is_hot), []


def _wish(random: Random, kind: Kind, product: int, *, is_hot: bool) -> Operation:
    """Sales take a little more than receipts bring, so that stock runs out again and again."""
    place = random.choice([MAIN, ANNEX]) if is_hot else MAIN
    match kind:
        case Kind.SALE:
            chosen = random.choice([place, place, None]) if is_hot else place
            return Operation(0, kind, product, random.randint(1, 5), chosen)
        case Kind.RECEIPT:
            return Operation(0, kind, product, random.randint(1, 20), place)
        case Kind.TRANSFER:
            other = ANNEX if place == MAIN else MAIN
            return Operation(0, kind, product, random.randint(1, 8), place, other)
    found = random.choice([-2, -1, 1, 2])
    if random.random() < 0.3:
        return Operation(0, kind, product, found - 6, place, releases=True)
    return Operation(0, kind, product, found, place)


def basket(random: Random) -> Story:
    """A hold of several lines, and what becomes of it."""
    products = random.sample(HELD, random.randint(1, 3))
    if random.random() < 0.5:
        products.append(HOT)
    waits = random.random() < 0.5
    most = 10 if waits and random.random() < 0.4 else 3
    lines = tuple((product, random.randint(1, most)) for product in products)
    is_short = random.random() < 0.3
    hold = Operation(
        0,
        Kind.RESERVE,
        lines[0][0],
        sum(units for _, units in lines),
        lines=lines,
        seconds=1 if is_short else 600,
        allow_incoming=waits,
    )
    lives = SHORT_LIVES if is_short else LIVES
    (life,) = random.choices(list(lives), list(lives.values()))
    return hold, [(random.randint(*gap), _step(random, hold, what)) for gap, what in life]


def _step(random: Random, hold: Operation, what: Kind | str) -> Operation:
    if what == "part":
        product, units = random.choice(hold.lines)
        part = random.randint(1, units)
        return Operation(0, Kind.SHIP, product, part, lines=((product, part),))
    if what == "late":
        late = random.choice([Kind.CONFIRM, Kind.CONFIRM, Kind.EXTEND, Kind.SHIP])
        return Operation(0, late, hold.product, hold.quantity, seconds=600, is_late=True)
    lasts = hold.seconds if what == Kind.EXTEND else 0
    return Operation(0, Kind(what), hold.product, hold.quantity, seconds=lasts)


def next_in_line(random: Random) -> Story:
    """Nearly all units are held for a second, and then, perhaps before the sweep, for another."""
    lines = ((random.choice(RARE), 20),)
    hold = Operation(0, Kind.RESERVE, lines[0][0], 20, lines=lines, seconds=1)
    return hold, [(random.randint(*SOON), replace(hold, is_late=True))]


def batch(random: Random) -> Story:
    """Units on their way, and what becomes of them."""
    product = random.choice([HOT, HOT, *HELD])
    place = random.choice([MAIN, ANNEX]) if product == HOT else MAIN
    units = random.randint(6, 24)
    first = Operation(0, Kind.BATCH, product, units, place, days=random.randint(1, 30))
    (life,) = random.choices(list(ARRIVALS), list(ARRIVALS.values()))
    return first, [(random.randint(*gap), _turn(random, first, what)) for gap, what in life]


def _turn(random: Random, first: Operation, what: Kind) -> Operation:
    """A receipt of nothing in particular is one of all that is outstanding."""
    units = 0
    if what == Kind.CUT or (what == Kind.RECEIVE and random.random() < 0.5):
        units = random.randint(1, first.quantity)
    days = random.choice([LONG_AGO, *range(40)]) if what == Kind.POSTPONE else 0
    return Operation(0, what, first.product, units, first.location, days=days)


def backorder(random: Random) -> Story:
    """More is held than there is on hand, and then the rest arrives."""
    product = random.choice(LACKING)
    first = Operation(0, Kind.BATCH, product, 30, days=random.randint(1, 30))
    lines = ((product, 40),)
    hold = Operation(0, Kind.RESERVE, product, 40, lines=lines, seconds=20, allow_incoming=True)
    arrival = Operation(0, Kind.RECEIVE, product, 0)
    return first, [(random.randint(*SOON), hold), (random.randint(*SOON), arrival)]


BEGINNINGS: Final = {plain: 63, basket: 24, batch: 8, next_in_line: 3, backorder: 2}
"""How often something of each sort is begun."""
