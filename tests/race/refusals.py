"""Whether a refusal says what was so at some moment while its operation ran.

Exact where nobody holds units. Where somebody does, the moments of their holds are known only
within bounds: what is available is then what was on hand, less anything that they can have kept.
So nothing right is blamed, and little that is wrong gets by.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.race.history import Outcome, Place
from tests.race.known import shown_wish
from tests.race.operations import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from tests.race.history import Entry
    from tests.race.known import Known

ENDING: Final = {
    "confirmed": (Kind.CONFIRM, Kind.SHIP),
    "shipped": (Kind.SHIP,),
    "released": (Kind.RELEASE,),
}
"""What gives a hold the status with which a later step is refused."""


def unjustified_refusals(known: Known) -> Iterator[str]:
    for entry, _ in known.settled(Outcome.REFUSED):
        if not _is_justified(known, entry):
            yield (
                f"{entry.reference} asked for {shown_wish(entry)} and was refused with "
                f"{entry.code} {dict(entry.figures)}, which was never so while it ran"
            )


def _is_justified(known: Known, entry: Entry) -> bool:
    return entry.code in REASONS and REASONS[entry.code](known, entry)


def _was_insufficient(known: Known, entry: Entry) -> bool:
    is_basket = entry.operation.kind == Kind.RESERVE
    return _was_short(known, entry) if is_basket else _was_not_there(known, entry)


def _was_reserved(known: Known, entry: Entry) -> bool:
    """More was promised than a counter found, and no more than holds can have kept."""
    held = known.most_held(entry, entry.operation.product)
    return entry.guard is not None and entry.guard.quantity < entry.figures["reserved"] <= held


def _was_not_there(known: Known, entry: Entry) -> bool:
    """Of a sale or transfer; holds past their time keep nothing from it."""
    stated = entry.figures["available"]
    held = known.most_held(entry, entry.operation.product)
    there = known.on_hand(entry, known.sources(entry))
    return stated < entry.operation.quantity and any(0 <= all_ - stated <= held for all_ in there)


def _was_short(known: Known, entry: Entry) -> bool:
    """Of a basket: each line that it names was short by what it says, on hand and on its way."""
    asked = dict(entry.operation.lines)
    return bool(entry.figures["short"]) and all(
        requested == asked.get(product)
        and available < requested
        and _was_all(known, entry, product, available)
        for product, (requested, available) in entry.figures["short"].items()
    )


def _was_all(known: Known, entry: Entry, product: int, stated: int) -> bool:
    held = known.most_held(entry, product)
    is_open = entry.operation.allow_incoming
    coming = known.most_incoming(entry, product) if is_open else 0
    there = known.on_hand(entry, known.places_of(product))
    return any(-coming <= all_ - stated <= held for all_ in there)


def _was_stale(known: Known, entry: Entry) -> bool:
    """The version is that of the state; it rises without a movement where units are held."""
    if entry.guard is None:
        return False
    place = Place(entry.operation.product, str(entry.operation.location))
    ledger, version = known.ledgers[place], int(entry.figures["version"])
    states = ledger.states(entry.began, entry.ended)
    current = entry.figures["current"]
    if place.product not in known.held:
        states = range(version - 1, version) if version - 1 in states else range(0)
    return current != entry.guard.expected and any(
        state < version and ledger.on_hand[state] == current for state in states
    )


def _had_expired(known: Known, entry: Entry) -> bool:
    """Its time can have been over; and it had not been confirmed for certain."""
    basket = known.baskets[entry.about.reference] if entry.about else None
    if basket is None or not basket.may_be_overdue(entry.ended):
        return False
    return not any(
        step.outcome == Outcome.OK and step.ended < entry.began
        for step in basket.attempts(Kind.CONFIRM, Kind.SHIP)
    )


def _may_be_waiting(known: Known, entry: Entry) -> bool:
    """Units that are to come, or that a count took back from the hold."""
    basket = known.baskets[entry.about.reference] if entry.about else None
    return basket is not None and (
        basket.made.operation.allow_incoming
        or any(
            one.operation.releases
            and one.operation.product in basket.units
            and one.outcome != Outcome.REFUSED
            and one.began <= entry.ended
            for one in known.history.entries
        )
    )


def _was_ended(known: Known, entry: Entry) -> bool:
    return any(known.others(entry, *ENDING.get(entry.figures["status"], ())))


REASONS: Final[Mapping[str, Callable[[Known, Entry], bool]]] = {
    "insufficient_stock": _was_insufficient,
    "stale_quantity": _was_stale,
    "below_reserved": _was_reserved,
    "reservation_expired": _had_expired,
    "reservation_not_active": _was_ended,
    "not_on_hand": _may_be_waiting,
    "exceeds_ordered": lambda known, entry: any(
        known.others(entry, Kind.SHIP, Kind.RECEIVE, Kind.CUT)
    ),
    "batch_received": lambda known, entry: any(
        known.others(entry, Kind.RECEIVE, Kind.CUT, Kind.CANCEL)
    ),
    "invalid": lambda known, entry: any(known.others(entry, Kind.RECEIVE)),
}
"""What has to be so for each code."""
