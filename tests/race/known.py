"""A history, looked up from all sides."""

from __future__ import annotations

from collections import defaultdict
from itertools import product as combined
from typing import TYPE_CHECKING, Final

from tests.race.baskets import Basket
from tests.race.history import Outcome, Place
from tests.race.operations import ANNEX, MAIN, Kind
from tests.race.windows import BEFORE_ALL, Ledger

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.race.history import Entry, History, Movement, Step

LOCATIONS: Final = (MAIN, ANNEX)  # in the order in which stock is taken from them
STEPS_OF_HOLDS: Final = {Kind.CONFIRM, Kind.EXTEND, Kind.RELEASE, Kind.SHIP}
TURNS_OF_BATCHES: Final = {Kind.RECEIVE, Kind.CUT, Kind.POSTPONE, Kind.CANCEL}


class Known:
    def __init__(self, history: History) -> None:
        self.history = history
        self.entries = {entry.reference: entry for entry in history.entries}
        self.levels = {level.place: level for level in history.levels}
        self.baskets = _baskets(history)
        self.turns = _turns(history)
        self.steps: defaultdict[str, list[Step]] = defaultdict(list)
        for step in history.steps:
            self.steps[_sender(step.request_id)].append(step)
        self.held = _held(history.entries)
        """Products that somebody held, or that were on their way: their versions rise without
        a movement too."""
        self.effects: defaultdict[str, list[Movement]] = defaultdict(list)
        lines: defaultdict[Place, list[Movement]] = defaultdict(list)
        for movement in sorted(history.movements, key=lambda line: (line.place, line.sequence)):
            self.effects[self.cause(movement)].append(movement)
            lines[movement.place].append(movement)
        self.ledgers = {
            place: Ledger(lines[place], [self._span(line) for line in lines[place]])
            for place in self.levels
        }

    def cause(self, movement: Movement) -> str:
        """The reference of the operation that made it.

        Shipments and receipts carry that of their order or batch, to which many may belong.
        """
        sender = _sender(movement.request_id)
        entry = self.entries.get(sender)
        return sender if entry is not None and entry.about is not None else movement.reference

    def _span(self, movement: Movement) -> tuple[float, float]:
        entry = self.entries.get(self.cause(movement))
        return (entry.began, entry.ended) if entry else BEFORE_ALL

    def settled(self, outcome: Outcome) -> Iterator[tuple[Entry, list[Movement]]]:
        """The operations that ended like this, each with its lines in the ledger."""
        for entry in self.history.entries:
            if entry.outcome == outcome:
                yield entry, self.effects.get(entry.reference, [])

    def places_of(self, product: int) -> list[Place]:
        """The product's stock levels, in the order in which stock is taken from them."""
        places = (Place(product, location) for location in LOCATIONS)
        return [place for place in places if place in self.levels]

    def sources(self, entry: Entry) -> list[Place]:
        """Where the operation takes its units from."""
        wish = entry.operation
        if wish.location is not None:
            return [Place(wish.product, wish.location)]
        return self.places_of(wish.product)

    def on_hand(self, entry: Entry, places: Iterable[Place]) -> set[int]:
        """Every number of units that can have been there together while the operation ran."""
        span = (entry.began, entry.ended)
        there = [self.ledgers[place].figures(*span) for place in places]
        return {sum(figures) for figures in combined(*there)}

    def most_held(self, entry: Entry, product: int, *, overdue: bool = False) -> int:
        """The most units of a product that holds can have kept while the operation ran."""
        span = (entry.began, entry.ended)
        return sum(
            basket.units[product]
            for basket in self.baskets.values()
            if product in basket.units and basket.may_hold(span, overdue=overdue)
        )

    def most_incoming(self, entry: Entry, product: int) -> int:
        """The most units of a product that can have been on their way."""
        return sum(
            one.operation.quantity
            for one in self.history.entries
            if one.operation.kind == Kind.BATCH
            and one.operation.product == product
            and one.outcome != Outcome.REFUSED
            and one.began <= entry.ended
        )

    def others(self, entry: Entry, *kinds: Kind) -> Iterator[Entry]:
        """What else may have been done to the same hold or batch before the operation ended."""
        about = entry.about.reference if entry.about else ""
        basket = self.baskets.get(about)
        for one in basket.steps if basket else self.turns.get(about, []):
            if (
                one is not entry
                and one.operation.kind in kinds
                and one.outcome != Outcome.REFUSED
                and one.began <= entry.ended
            ):
                yield one


def _sender(request_id: str) -> str:
    """The reference of the operation that a request belongs to."""
    return request_id.rpartition(".")[0]


def _baskets(history: History) -> dict[str, Basket]:
    baskets = {
        entry.reference: Basket(entry)
        for entry in history.entries
        if entry.operation.kind == Kind.RESERVE
    }
    for entry in history.entries:
        if entry.about is not None and entry.operation.kind in STEPS_OF_HOLDS:
            baskets[entry.about.reference].steps.append(entry)
    for hold in history.holds:
        if hold.order_reference in baskets:
            baskets[hold.order_reference].holds.append(hold)
    return baskets


def _turns(history: History) -> dict[str, list[Entry]]:
    turns: dict[str, list[Entry]] = {}
    for entry in history.entries:
        if entry.about is not None and entry.operation.kind in TURNS_OF_BATCHES:
            turns.setdefault(entry.about.reference, []).append(entry)
    return turns


def _held(entries: Iterable[Entry]) -> set[int]:
    held: set[int] = set()
    for entry in entries:
        held |= {product for product, _ in entry.operation.lines}
        if entry.operation.kind == Kind.BATCH:
            held.add(entry.operation.product)
    return held


def shown(effects: Iterable[Movement]) -> str:
    return ", ".join(shown_line(line) for line in effects)


def shown_line(line: Movement) -> str:
    return (
        f"{line.reference or 'the opening'} ({line.delta:+} to {line.on_hand_after} "
        f"as number {line.sequence} at {line.place.product}@{line.place.location})"
    )


def shown_wish(entry: Entry) -> str:
    wish = entry.operation
    if entry.guard is not None:
        return f"a {entry.guard}"
    if wish.lines or entry.about is not None:
        about = f" of {entry.about.reference}" if entry.about else ""
        return f"a {wish.kind}{about} with {wish.lines or wish.quantity}"
    return f"a {wish.kind} of {wish.quantity} from {wish.location} to {wish.to_location}"
