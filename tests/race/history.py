"""What happened in a race, as plain values: what the clients were told, what the database holds.

Moments are seconds of one monotonic clock: all clients of a race share it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.race.operations import Operation


class Place(NamedTuple):
    """A stock level, by the number of its product and the code of its location."""

    product: int
    location: str


class Outcome(StrEnum):
    OK = "ok"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Guard:
    """What a counter sends: what was counted, and what the system said before."""

    quantity: int
    expected: int


@dataclass(slots=True)
class Entry:
    """One operation in the clients' log.

    ``reference`` names it in the ledger and is its Idempotency-Key. ``began`` is when it was
    first sent, ``ended`` when its answer was complete; an unknown one has not ended. ``figures``
    are those of the answer, ``code`` that of a refusal.
    """

    operation: Operation
    reference: str
    began: float
    ended: float = float("inf")
    outcome: Outcome = Outcome.UNKNOWN
    code: str = ""
    figures: Mapping[str, Any] = field(default_factory=dict)
    guard: Guard | None = None
    about: Entry | None = None
    """Who made the hold or the batch that it is about."""
    requests: int = 0
    was_unknown: bool = False
    """Some request of it got no answer that tells whether it was done."""
    differing_replays: list[str] = field(default_factory=list)
    unexplained: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A stock level as a client read it."""

    place: Place
    on_hand: int
    version: int
    began: float
    ended: float
    reserved: int = 0


class Movement(NamedTuple):
    """A line of the ledger."""

    id: str
    place: Place
    sequence: int
    delta: int
    on_hand_after: int
    reason: str
    reference: str
    request_id: str


class Level(NamedTuple):
    """A stock level at the end, and the units it was opened with, which are its movement 1."""

    place: Place
    opening: int
    on_hand: int
    reserved: int
    version: int
    movement_count: int
    incoming: int = 0


class Event(NamedTuple):
    """A ``stock.changed`` as other systems will hear of it."""

    movement_id: str
    before: int
    after: int
    request_id: str


class HeldLine(NamedTuple):
    """A line of a hold at the end; ``allocated`` adds up what supplies it."""

    product: int
    quantity: int
    shipped: int
    unallocated: int
    allocated: int


class Hold(NamedTuple):
    """A reservation at the end."""

    order_reference: str
    status: str
    lines: tuple[HeldLine, ...]


class Promise(NamedTuple):
    """An allocation at the end: units of a stock level, or of the batch with this reference."""

    order_reference: str
    status: str
    """Of the reservation."""
    place: Place
    batch: str | None
    quantity: int


class Batch(NamedTuple):
    """Units on their way, or arrived, at the end."""

    reference: str
    place: Place
    quantity: int
    received: int
    allocated: int
    status: str

    @property
    def outstanding(self) -> int:
        return self.quantity - self.received if self.status == "incoming" else 0


class Step(NamedTuple):
    """An event of a hold or a batch; ``is_complete`` of a shipment, when nothing is left."""

    type: str
    reference: str
    request_id: str
    is_complete: bool = False


@dataclass(frozen=True, slots=True)
class History:
    """A whole race."""

    entries: Sequence[Entry]
    sightings: Sequence[Sighting]
    levels: Sequence[Level]
    movements: Sequence[Movement]
    events: Sequence[Event]
    holds: Sequence[Hold] = ()
    promises: Sequence[Promise] = ()
    batches: Sequence[Batch] = ()
    steps: Sequence[Step] = ()
    deadlocks: int = 0
