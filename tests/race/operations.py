"""What a client of a race can want, what can go wrong, and what is for sale."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

HOT: Final = 0
"""The number of the product that nearly everybody wants; it is at two locations."""
COLD: Final = 30
"""Products that few want, each at one location."""
BARE: Final = COLD + 1
"""A second hot product, of which nobody holds any: so the versions of its levels tell more."""
HELD: Final = range(1, 7)
"""The cold products that are held too, and have batches on their way."""
RARE: Final = range(7, 11)
"""The cold products of which some want nearly all there is, one after the other."""
LACKING: Final = range(11, 15)
"""The cold products of which more is wanted than there is, until a batch arrives."""
MAIN: Final = "main"
ANNEX: Final = "annex"

OPENING: Final = {
    HOT: {MAIN: 60, ANNEX: 30},
    **{number: {MAIN: 25} for number in range(1, COLD + 1)},
    BARE: {MAIN: 60, ANNEX: 30},
}
"""Units of each product at each location when the race begins."""


DIE_AT: Final = "X-Die-At"
"""The header by which a request names the place where its worker dies."""


class Kind(StrEnum):
    SALE = "sale"
    RECEIPT = "receipt"
    COUNT = "count"
    TRANSFER = "transfer"
    RESERVE = "reserve"
    CONFIRM = "confirm"
    EXTEND = "extend"
    RELEASE = "release"
    SHIP = "ship"
    BATCH = "batch"
    RECEIVE = "receive"
    CUT = "cut"
    POSTPONE = "postpone"
    CANCEL = "cancel"


class DiesAt(StrEnum):
    """Where in its request a worker is killed (RULES I9)."""

    LOCKED = "locked"
    WRITTEN = "written"
    BEFORE_COMMIT = "before-commit"
    COMMITTED = "committed"
    ON_COMMIT = "on-commit"


FAREWELL: Final = "race: a worker dies at"
"""What it then writes into the server's log, before the name of the place."""


class Trouble(StrEnum):
    """What else goes wrong at the moment when an operation is sent."""

    WORKER_KILLED = "worker killed"
    SESSION_ENDED = "session ended"
    HANGS_UP = "client hangs up"


class Plant(StrEnum):
    """Bugs that a race can be run with, each of which the checker has to find."""

    NO_LOCK = "no-lock"
    NO_ORDER = "no-order"
    NO_GUARD = "no-guard"
    RECORD_APART = "record-apart"
    EVENT_LOST = "event-lost"
    NO_CLOCK = "no-clock"
    UNLOCKED_HOLD = "unlocked-hold"
    FREED_TWICE = "freed-twice"
    PROMISES_LEFT = "promises-left"
    OVERDUE_COUNTS = "overdue-counts"


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that a client wants done, exactly once.

    ``quantity`` is in units; of a count it is by how much the counter finds more (or less) than
    the system says. ``luck`` chooses what the schedule cannot name: which worker, which session,
    and how soon a client hangs up.
    """

    number: int
    kind: Kind
    product: int
    quantity: int
    location: str | None = MAIN
    """None lets Stockroom choose."""
    to_location: str | None = None
    dies_at: DiesAt | None = None
    trouble: Trouble | None = None
    sent_again: bool = False
    """Sent once more after its answer, as by a client that lost it."""
    luck: int = 0
    of: int | None = None
    """The number of the operation that made the hold or the batch that this one is about."""
    lines: tuple[tuple[int, int], ...] = ()
    """Product and units of each line of a basket; of a shipment, empty for all of it."""
    seconds: int = 0
    """How long a hold is to last."""
    days: int = 0
    """From a certain day in the future, until a batch is to arrive."""
    allow_incoming: bool = False
    releases: bool = False
    """A count that takes promises back, where there is less than is promised."""
    is_late: bool = False
    """Sent once the hold is past its time, as by a buyer who took too long to pay."""

    @property
    def is_keyless(self) -> bool:
        """Sent once, without a key: where no answer comes, nobody learns what became of it.

        Such a change may be taken along by another one's transaction.
        """
        is_delta = self.kind in {Kind.SALE, Kind.RECEIPT}
        meets_something = self.dies_at or self.trouble or self.sent_again
        return is_delta and not meets_something and self.luck % 2 == 1
