"""What the clients were told, held against the ledger and the events."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.race.history import Outcome, Place
from tests.race.known import shown, shown_wish
from tests.race.operations import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.race.history import Entry, Movement, Sighting
    from tests.race.known import Known

REASONS: Final = {Kind.SALE: "sale", Kind.RECEIPT: "receipt", Kind.COUNT: "count"}
MOVING: Final = {*REASONS, Kind.TRANSFER, Kind.SHIP, Kind.RECEIVE}
HOLDING: Final = {Kind.RESERVE, Kind.CONFIRM, Kind.EXTEND, Kind.RELEASE, Kind.SHIP}
NOTED: Final = {Kind.RESERVE, Kind.EXTEND, Kind.BATCH}
"""What has an event of its own however often its like was done before."""
OPEN: Final = {"active", "confirmed"}


def lost(known: Known) -> Iterator[str]:
    for entry, effects in known.settled(Outcome.OK):
        if not effects and not _changes_nothing(known, entry):
            yield f"{entry.reference} was acknowledged and is not in the ledger"
        if entry.operation.kind in NOTED and not known.steps[entry.reference]:
            yield f"{entry.reference}, {shown_wish(entry)}, was acknowledged, and no event says so"


def _changes_nothing(known: Known, entry: Entry) -> bool:
    """A count that found what the system said at that moment has nothing to correct.

    Nor has a shipment of the rest when another one took it, nor what only holds and plans.
    """
    kind = entry.operation.kind
    if kind == Kind.COUNT and entry.guard is not None:
        return entry.guard.quantity in known.on_hand(entry, known.sources(entry))
    if kind == Kind.SHIP and not entry.operation.lines:
        return any(known.others(entry, Kind.SHIP))
    return kind not in MOVING


def doubled(known: Known) -> Iterator[str]:
    for reference in known.entries:
        effects = known.effects.get(reference, [])
        attempts = {movement.request_id for movement in effects}
        places = Counter(movement.place for movement in effects)
        if len(attempts) > 1 or any(count > 1 for count in places.values()):
            yield f"{reference} took effect more than once: {shown(effects)}"
        told = Counter(step.type for step in known.steps[reference])
        if any(count > 1 for count in told.values()):
            yield f"{reference} took effect more than once: {dict(told)}"


def done_though_refused(known: Known) -> Iterator[str]:
    for entry, effects in known.settled(Outcome.REFUSED):
        if effects:
            yield f"{entry.reference} was refused ({entry.code}) and done: {shown(effects)}"
        if steps := known.steps[entry.reference]:
            yield f"{entry.reference} was refused ({entry.code}) and done: {steps}"


def unsettled(known: Known) -> Iterator[str]:
    for entry, _ in known.settled(Outcome.UNKNOWN):
        if entry.operation.is_keyless:
            continue
        yield f"{entry.reference} is unknown after {entry.requests} requests"


def mismatched(known: Known) -> Iterator[str]:
    for entry in known.history.entries:
        effects = known.effects.get(entry.reference, [])
        if effects and not _is_what_was_asked(known, entry, effects):
            yield f"{entry.reference} asked for {shown_wish(entry)} and did {shown(effects)}"


def _is_what_was_asked(known: Known, entry: Entry, effects: list[Movement]) -> bool:
    if entry.about is not None:
        return _is_of_its_order(entry, effects)
    if entry.guard is not None:
        line = effects[0]
        before = line.on_hand_after - line.delta
        return (before, line.on_hand_after) == (entry.guard.expected, entry.guard.quantity)
    return _moved(effects) in _wanted(known, entry) and _took_in_turn(known, entry, effects)


def _is_of_its_order(entry: Entry, effects: list[Movement]) -> bool:
    """A shipment or a receipt: of what was ordered, and as many units as were asked for."""
    wish, about = entry.operation, entry.about
    reason = {Kind.SHIP: "shipment", Kind.RECEIVE: "receipt"}.get(wish.kind)
    if about is None or {(line.reason, line.reference) for line in effects} != {
        (reason, about.reference)
    }:
        return False
    moved: Counter[int] = Counter()
    for line in effects:
        moved[line.place.product] += -line.delta if wish.kind == Kind.SHIP else line.delta
    if wish.kind == Kind.SHIP:
        return _fits(moved, dict(wish.lines), dict(about.operation.lines))
    asked = {wish.product: wish.quantity} if wish.quantity else {}
    return _fits(moved, asked, {wish.product: about.operation.quantity})


def _fits(moved: Counter[int], asked: dict[int, int], ordered: dict[int, int]) -> bool:
    """Exactly what was asked for; where it was all that is outstanding, some of the order."""
    if asked:
        return moved == asked
    return all(0 < units <= ordered.get(product, 0) for product, units in moved.items())


def _moved(effects: list[Movement]) -> list[tuple[Place, int, str]]:
    return sorted((line.place, line.delta, line.reason) for line in effects)


def _wanted(known: Known, entry: Entry) -> list[list[tuple[Place, int, str]]]:
    """The ways in which the operation can be carried out."""
    wish = entry.operation
    if wish.kind not in REASONS and wish.kind != Kind.TRANSFER:
        return []
    if wish.kind == Kind.TRANSFER:
        source, target = (Place(wish.product, str(at)) for at in (wish.location, wish.to_location))
        there, back = (
            (source, -wish.quantity, "transfer_out"),
            (target, wish.quantity, "transfer_in"),
        )
        return [sorted([there, back])]
    sign, reason = (-1 if wish.kind == Kind.SALE else 1), REASONS[wish.kind]
    if wish.location is not None:
        return [[(Place(wish.product, wish.location), sign * wish.quantity, reason)]]
    first, second = known.places_of(wish.product)
    splits = ((taken, wish.quantity - taken) for taken in range(wish.quantity + 1))
    return [
        sorted((at, -some, reason) for at, some in ((first, taken), (second, rest)) if some)
        for taken, rest in splits
    ]


def _took_in_turn(known: Known, entry: Entry, effects: list[Movement]) -> bool:
    """Where Stockroom chooses, a location gives only what the one before it does not have.

    What the one before it keeps for holds, it does not have.
    """
    first, *others = known.places_of(entry.operation.product)
    lines = {line.place: line for line in effects}
    if entry.operation.location is not None or lines.keys().isdisjoint(others):
        return True
    kept = known.most_held(entry, entry.operation.product, overdue=True)
    if first in lines:
        return lines[first].on_hand_after <= kept
    return min(known.ledgers[first].figures(entry.began, entry.ended)) <= kept


def wrong_answers(known: Known) -> Iterator[str]:
    for entry, effects in known.settled(Outcome.OK):
        if entry.operation.kind in HOLDING:
            yield from _wrong_lines(entry)
        elif effects and entry.about is None and not _is_answered_rightly(known, entry, effects):
            yield f"{entry.reference} was told {dict(entry.figures)} of {shown(effects)}"


def _wrong_lines(entry: Entry) -> Iterator[str]:
    """A hold is what was asked for; while it is open, all of it has supply or waits for it."""
    is_new = entry.operation.kind == Kind.RESERVE
    order = entry if is_new else entry.about or entry
    lines = entry.figures["lines"]
    if {product: line["quantity"] for product, line in lines.items()} != dict(
        order.operation.lines
    ):
        yield f"{entry.reference} was told {lines} of {order.operation.lines}"
    for product, line in lines.items():
        has = line["shipped"] + line["allocated"] + line["unallocated"]
        if entry.figures["status"] in OPEN and has != line["quantity"]:
            yield f"{entry.reference} was told that {product} has {line}"


def _is_answered_rightly(known: Known, entry: Entry, effects: list[Movement]) -> bool:
    """The quantity and version in the answer are those right after the operation's own lines.

    A level's version is one more than its sequence, and an inventory's is the sum of its levels'.
    So with the other level untouched, the version tells in which state that one was.
    """
    if entry.operation.kind == Kind.TRANSFER:
        return sorted(entry.figures["movements"]) == sorted(line.id for line in effects)
    if entry.operation.product in known.held:
        return _is_answered_possibly(known, entry, effects)
    places = known.places_of(entry.operation.product)
    after = {line.place: line.sequence for line in effects}
    left = int(entry.figures["version"]) - len(places) - sum(after.values())
    for place in places:
        if place not in after:
            after[place], left = left, 0
    ledgers = [(known.ledgers[place].on_hand, state) for place, state in after.items()]
    if left or not all(0 <= state < len(on_hand) for on_hand, state in ledgers):
        return False
    return sum(on_hand[state] for on_hand, state in ledgers) == entry.figures["quantity"]


def _is_answered_possibly(known: Known, entry: Entry, effects: list[Movement]) -> bool:
    """Where units are held, the version does not tell the state of a level that was not changed.

    But it is not below that of the states, nor above the last one.
    """
    places = known.places_of(entry.operation.product)
    own = {line.place: line for line in effects}
    others = [place for place in places if place not in own]
    quantities = {
        sum(line.on_hand_after for line in own.values()) + there
        for there in known.on_hand(entry, others)
    }
    least = len(places) + sum(line.sequence for line in own.values())
    most = sum(known.levels[place].version for place in places)
    version = int(entry.figures["version"])
    return entry.figures["quantity"] in quantities and least <= version <= most


def wrong_reads(known: Known) -> Iterator[str]:
    for sighting in known.history.sightings:
        if not _was_so(known, sighting):
            yield f"{sighting} was never so while it was read"


def _was_so(known: Known, sighting: Sighting) -> bool:
    ledger, version = known.ledgers[sighting.place], sighting.version
    states = ledger.states(sighting.began, sighting.ended)
    if sighting.place.product in known.held:
        is_known = version <= known.levels[sighting.place].version
        return is_known and any(
            state < version and ledger.on_hand[state] == sighting.on_hand for state in states
        )
    return version - 1 in states and ledger.on_hand[version - 1] == sighting.on_hand


def differing_replays(known: Known) -> Iterator[str]:
    for entry in known.history.entries:
        yield from (f"{entry.reference}: {what}" for what in entry.differing_replays)
