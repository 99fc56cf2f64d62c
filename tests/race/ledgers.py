"""What the ledger and its events say of themselves, and what should not happen at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.race.known import shown, shown_line

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.race.history import Level
    from tests.race.known import Known
    from tests.race.windows import Ledger


def oversold(known: Known) -> Iterator[str]:
    for place, ledger in known.ledgers.items():
        total = 0
        for line in ledger.movements:
            total += line.delta
            if (least := min(total, line.on_hand_after)) < 0:
                yield f"{place} has given {-least} too many by {shown_line(line)}"
                break


def wrong_totals(known: Known) -> Iterator[str]:
    for place, ledger in known.ledgers.items():
        level, total = known.levels[place], 0
        for line in ledger.movements:
            total += line.delta
            if line.on_hand_after != total:
                yield f"{place} should have had {total} after {shown_line(line)}"
                break
        if level.on_hand != total:
            yield f"{place} has {level.on_hand} on hand and its ledger adds up to {total}"
        yield from _wrong_opening(level, ledger)


def _wrong_opening(level: Level, ledger: Ledger) -> Iterator[str]:
    first = [(line.delta, line.reason, line.reference) for line in ledger.movements[:1]]
    if level.opening and first != [(level.opening, "receipt", "")]:
        yield f"{level.place} was opened with {level.opening} and begins with {first}"


def gaps(known: Known) -> Iterator[str]:
    for place, ledger in known.ledgers.items():
        level, count = known.levels[place], len(ledger.movements)
        for expected, line in enumerate(ledger.movements, start=1):
            if line.sequence != expected:
                yield f"{place} has sequence {line.sequence} in place of {expected}"
                break
        versions = level.version - 1 if place.product not in known.held else count
        if (level.movement_count, versions) != (count, count) or level.version <= count:
            yield f"{level} has {count} movements"


def out_of_order(known: Known) -> Iterator[str]:
    for ledger in known.ledgers.values():
        for earlier, later in ledger.out_of_order():
            yield f"{shown_line(later)} was completed before {shown_line(earlier)} was sent"


def missing_events(known: Known) -> Iterator[str]:
    events = {event.movement_id: event for event in known.history.events}
    for line in known.history.movements:
        event = events.get(line.id)
        if event is None:
            yield f"{shown_line(line)} has no event"
        elif (event.before, event.after, event.request_id) != (
            line.on_hand_after - line.delta,
            line.on_hand_after,
            line.request_id,
        ):
            yield f"{shown_line(line)} is told as {event}"


def surplus_events(known: Known) -> Iterator[str]:
    movements = {line.id for line in known.history.movements}
    told: set[str] = set()
    for event in known.history.events:
        if event.movement_id not in movements or event.movement_id in told:
            yield f"{event} is told without a movement, or twice"
        told.add(event.movement_id)


def deadlocks(known: Known) -> Iterator[str]:
    if count := known.history.deadlocks:
        yield from ["PostgreSQL had to end a deadlock"] * count


def unexplained(known: Known) -> Iterator[str]:
    for entry in known.history.entries:
        yield from (f"{entry.reference}: {what}" for what in entry.unexplained)
    for reference, effects in known.effects.items():
        openings = [line for line in effects if line.sequence == 1 and not reference]
        if reference not in known.entries and len(openings) < len(effects):
            yield f"nobody asked for {shown(effects)}"
