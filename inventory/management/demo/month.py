"""A month in the life of the demo's stock: the same at every run, but for the day it ends on.

Pure. Nothing happens here: it is told what is to be written, in the order of its moments.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from random import Random
from typing import TYPE_CHECKING, Final

from inventory.querysets import DEFAULT_LOCATION as MAIN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from inventory.management.demo.catalogue import Article

DEPOT: Final = "north-depot"
DAYS: Final = 30
LEAD_DAYS: Final = 3
SUPPLY_DAYS: Final = (1, 16)
MOSTLY: Final = 0.8
NOW_AND_THEN: Final = 0.05
DAMAGED: Final = ("Fell off the shelf.", "Scratched in transport.", "Seam open on unpacking.")
RETURNED: Final = ("Unopened, back on the shelf.", "Wrong colour ordered.", "Came twice.")


class Kind(StrEnum):
    OPENING = "opening"
    RECEIPT = "receipt"
    SALE = "sale"
    RETURN = "return"
    DAMAGE = "damage"
    COUNT = "count"
    TRANSFER = "transfer"


@dataclass(frozen=True, slots=True)
class Step:
    """Something that happened to the stock of one article.

    ``quantity`` is how many units came, went, or were counted; a transfer goes to the depot.
    ``on_hand`` is what was there before, as a counter needs to know.
    """

    at: datetime
    kind: Kind
    sku: str
    quantity: int
    location: str
    on_hand: int
    reference: str = ""
    note: str = ""


def month(articles: Iterable[Article], until: datetime) -> list[Step]:
    """What happened to all of them in the thirty days before ``until``, a midnight."""
    begin = until - timedelta(days=DAYS)
    steps = [
        step
        for number, article in enumerate(articles)
        for step in _Life(article, number, begin).steps()
    ]
    return sorted(steps, key=lambda step: step.at)


class _Life:
    """One article's month, day by day."""

    def __init__(self, article: Article, number: int, begin: datetime) -> None:
        self.article = article
        self.number = number
        self.begin = begin
        self.random = Random(article.sku)  # noqa: S311  a story, not a secret
        self.on_hand = {MAIN: 0, DEPOT: 0}
        self.now = begin
        self.orders: list[str] = []
        self.delivery_day: int | None = None
        self.written: list[Step] = []

    def steps(self) -> list[Step]:
        damage_day, count_day = self.random.randint(4, 14), self.random.randint(18, 26)
        self.now += timedelta(hours=8)
        self._write(Kind.OPENING, self.article.opening)
        for day in range(1, DAYS):
            self.now = self.begin + timedelta(days=day, minutes=self.random.randint(420, 600))
            if day in SUPPLY_DAYS:
                self._supply_depot(day)
            if day == damage_day:
                self._lose(Kind.DAMAGE, 1, self.random.choice(DAMAGED))
            if day == count_day:
                self._lose(Kind.COUNT, self.random.choice((2, 1, -1)), "Monthly count.")
            self._sell(day)
            self._take_back()
            self._replenish(day)
        return self.written

    def _supply_depot(self, day: int) -> None:
        if share := min(self.article.opening // 5, self.on_hand[MAIN] // 3):
            self._write(Kind.TRANSFER, -share, reference=f"TR-{self._number(day)}")

    def _lose(self, kind: Kind, units: int, note: str) -> None:
        """Units that broke or were not found; less than none were found in excess."""
        if lost := min(units, self.on_hand[MAIN]):
            self._write(kind, -lost, note=note)

    def _sell(self, day: int) -> None:
        """At most three orders; one that cannot be filled from one location is lost."""
        for order in range(3):
            if self.random.random() >= self.article.orders_a_day / 3:
                continue
            wanted = self.random.randint(1, self.article.largest_order)
            first, second = (MAIN, DEPOT) if self.random.random() < MOSTLY else (DEPOT, MAIN)
            source = first if self.on_hand[first] >= wanted else second
            if self.on_hand[source] >= wanted:
                self.orders.append(f"SO-{self._number(day)}{order}")
                self._write(Kind.SALE, -wanted, source, reference=self.orders[-1])

    def _take_back(self) -> None:
        if self.orders and self.random.random() < NOW_AND_THEN:
            order = self.orders.pop(self.random.randrange(len(self.orders)))
            self._write(Kind.RETURN, 1, reference=order, note=self.random.choice(RETURNED))

    def _replenish(self, day: int) -> None:
        """Order in time what the supplier has; it is there three days later."""
        if day == self.delivery_day:
            self._write(Kind.RECEIPT, self.article.delivery, reference=f"PO-{self._number(day)}")
            self.delivery_day = None
        is_low = self.on_hand[MAIN] <= self.article.reorder_point
        if is_low and self.article.delivery and self.delivery_day is None:
            self.delivery_day = day + LEAD_DAYS

    def _write(
        self, kind: Kind, delta: int, location: str = MAIN, *, reference: str = "", note: str = ""
    ) -> None:
        """Carry out a change of so many units, some minutes after the one before."""
        self.now += timedelta(
            minutes=self.random.randint(10, 110), seconds=self.random.randint(0, 59)
        )
        before = self.on_hand[location]
        self.on_hand[location] += delta
        if kind is Kind.TRANSFER:
            self.on_hand[DEPOT] -= delta
        quantity = self.on_hand[location] if kind is Kind.COUNT else abs(delta)
        self.written.append(
            Step(self.now, kind, self.article.sku, quantity, location, before, reference, note)
        )

    def _number(self, day: int) -> int:
        """A number for a document; later days have higher ones."""
        return 1_000 + 10 * day + self.number
