"""What small histories are made of, for tests of the checker."""

from __future__ import annotations

from typing import Any

from tests.race.checker import check
from tests.race.history import Entry, Event, History, Movement, Outcome, Place
from tests.race.operations import ANNEX, MAIN, Kind, Operation

SHELF, FAR = Place(0, MAIN), Place(0, ANNEX)

OF_WISHES = ("location", "to_location", "lines", "seconds", "allow_incoming", "releases")


def entry(reference: str, began: float, kind: Kind, quantity: int, **more) -> Entry:
    """An operation on the one product that was acknowledged a second after it was sent."""
    wishes = {name: more.pop(name) for name in OF_WISHES if name in more}
    wish = Operation(0, kind, SHELF.product, quantity, **wishes)
    settled: dict[str, Any] = {"ended": began + 1, "outcome": Outcome.OK, "requests": 1}
    return Entry(wish, reference, began, **settled | more)


def line(sequence: int, delta: int, after: int, reason: str, reference: str, place=SHELF):
    return Movement(
        id=f"{place.location}-{sequence}",
        place=place,
        sequence=sequence,
        delta=delta,
        on_hand_after=after,
        reason=reason,
        reference=reference,
        request_id=f"{reference}.1",
    )


def told(movement: Movement) -> Event:
    before = movement.on_hand_after - movement.delta
    return Event(movement.id, before, movement.on_hand_after, movement.request_id)


def violated(history: History) -> set[str]:
    return {name for name, found in check(history).items() if found}
