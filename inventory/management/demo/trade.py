"""The large demo's stock: what there is of its products, and what became of it.

Pure. The month of the small shop is told article by article; here a million must be told in
seconds, so stock levels are columns of figures and each movement is decided when its turn comes.
The same at every run, but for the day it ends on.
"""

from __future__ import annotations

from array import array
from datetime import timedelta
from random import Random
from typing import TYPE_CHECKING, Final, NamedTuple

from inventory.management.demo.assortment import is_draft

if TYPE_CHECKING:
    from collections.abc import Iterator

MILLISECOND: Final = timedelta(milliseconds=1)
LISTING_BEGINS: Final = timedelta(days=730) // MILLISECOND
TRADE_BEGINS: Final = timedelta(days=90) // MILLISECOND
SHUFFLE: Final = 15_485_863
"""A prime above the number of levels: what sells best stands all over the catalogue."""
DELIVERY: Final = 48
LARGEST_ORDER: Final = 6
DOCUMENTS: Final = {"receipt": "PO-", "sale": "SO-", "return": "SO-", "count": "", "damage": ""}
"""How references begin: of purchase orders and sales orders, some of two lines."""
DAMAGED: Final = 0.02
RETURNED: Final = 0.05
COUNTED: Final = 0.06


class Movement(NamedTuple):
    """A line of the ledger; ``level`` is the number of its stock level."""

    level: int
    moment: int
    sequence: int
    delta: int
    on_hand_after: int
    reason: str
    reference: str


class Calendar:
    """Two years of new products, and trade in the last 90 days of them.

    Moments are milliseconds since 1970; no two products have the same.
    """

    def __init__(self, until: int, products: int) -> None:
        self.until = until
        self.trade = until - TRADE_BEGINS
        self._listing = until - LISTING_BEGINS
        self._step = (self.trade - self._listing) // max(products, 1)

    def listed(self, product: int) -> int:
        return self._listing + product * self._step

    def opened(self, product: int, place: int) -> int:
        """When stock came to the main location (0) or to the depot (1): before the next product."""
        return self.listed(product) + (1 + place) * self._step // 3


class Stock:
    """The stock levels of products 0, 1, 2 …, in columns: a million objects would be too many.

    ``opening`` units come with a level's first movement; of none, there is no movement.
    """

    def __init__(self, products: int, until: int) -> None:
        self.products = products
        self.calendar = Calendar(until, products)
        self.product = array("l")
        self.place = bytearray()
        self.opening = array("l")
        for product in range(products):
            if is_draft(product):
                continue
            self._add(product, 0, _opening_at_main(product))
            if product % 4 == 1:
                self._add(product, 1, 10 + product % 50)
        self.on_hand = self.opening[:]
        self.movements = array("l", map(bool, self.opening))
        self.changed = array("q", map(self.opened, range(len(self))))
        self.first_movements = sum(self.movements)

    def __len__(self) -> int:
        return len(self.product)

    def opened(self, level: int) -> int:
        return self.calendar.opened(self.product[level], self.place[level])

    def reorder_point(self, level: int) -> int | None:
        """Three of four levels at the main location have one."""
        product = self.product[level]
        has_none = self.place[level] or product % 4 == 0
        return None if has_none else 4 + product % 23

    def ledger(self, trade: int) -> Iterator[Movement]:
        """The first movements and so many more, in the order of their moments.

        The columns change with them: read them afterwards, and call this once.
        """
        yield from self._openings()
        yield from self._trade(trade)

    def _openings(self) -> Iterator[Movement]:
        for level, units in enumerate(self.opening):
            if units:
                moment = self.changed[level]
                yield Movement(level, moment, 1, units, units, "receipt", f"PO-{level:08}")

    def _trade(self, count: int) -> Iterator[Movement]:
        """Half of it is of a quarter of the levels."""
        random = Random("trade").random  # noqa: S311  a story, not a secret
        size = len(self)
        step = (self.calendar.until - self.calendar.trade) // max(count, 1)
        for number in range(count):
            place = random()
            level = int(size * place * place) * SHUFFLE % size
            moment = self.calendar.trade + number * step
            delta, reason = self._event(level, random(), number)
            after = self.on_hand[level] = self.on_hand[level] + delta
            sequence = self.movements[level] = self.movements[level] + 1
            self.changed[level] = moment
            document = DOCUMENTS[reason]
            reference = f"{document}{size + number // 2:08}" if document else ""
            yield Movement(level, moment, sequence, delta, after, reason, reference)

    def _event(self, level: int, chance: float, number: int) -> tuple[int, str]:
        """What happens next: the signed units, and the reason."""
        there = self.on_hand[level]
        if not there:
            return DELIVERY, "receipt"
        if chance > COUNTED:
            return -min(there, 1 + number % LARGEST_ORDER), "sale"
        if chance > RETURNED:
            return -1, "count"
        return (1, "return") if chance > DAMAGED else (-1, "damage")

    def _add(self, product: int, place: int, opening: int) -> None:
        self.product.append(product)
        self.place.append(place)
        self.opening.append(opening)


def _opening_at_main(product: int) -> int:
    """Of one product in ten nothing has come yet; of the others up to 204 units."""
    scattered = product * SHUFFLE % 1_024
    return 0 if scattered % 10 == 0 else 1 + scattered // 5
