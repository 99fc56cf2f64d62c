"""What is promised: every hold whole, resolved once, and covered by stock or by batches."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from tests.race.baskets import SLACK
from tests.race.history import Outcome
from tests.race.operations import Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.race.baskets import Basket
    from tests.race.history import Entry, Hold
    from tests.race.known import Known

OPEN: Final = {"active", "confirmed"}
ENDS: Final = {"reservation.released": "released", "reservation.expired": "expired"}
CONFIRMED: Final = "reservation.confirmed"
SHIPPED: Final = "reservation.shipped"


def not_whole(known: Known) -> Iterator[str]:
    for reference, basket in known.baskets.items():
        found = [
            {line.product: line.quantity for line in hold.lines if line.quantity}
            for hold in basket.holds
        ]
        outcome = basket.made.outcome
        wanted = [basket.units] if outcome == Outcome.OK else []
        if found != wanted and (outcome != Outcome.UNKNOWN or found != [basket.units]):
            yield f"{reference} asked for {basket.units}, was told {outcome}, and holds {found}"
        if outcome == Outcome.OK:
            yield from _not_covered(basket)
    for hold in known.history.holds:
        if hold.order_reference not in known.baskets:
            yield f"nobody asked for {hold}"


def _not_covered(basket: Basket) -> Iterator[str]:
    """When it was made, each line had all of its supply."""
    for product, line in basket.made.figures["lines"].items():
        if line["allocated"] != line["quantity"]:
            yield f"{basket.made.reference} was made with {line} of {product}"


def resolved_twice(known: Known) -> Iterator[str]:
    steps: dict[str, list[str]] = {reference: [] for reference in known.baskets}
    for step in known.history.steps:
        if step.reference in steps:
            steps[step.reference].append("shipped" if step.is_complete else step.type)
    for reference, basket in known.baskets.items():
        for hold in basket.holds:
            ends = [ENDS.get(what, what) for what in steps[reference] if what in {*ENDS, "shipped"}]
            if ends != ([] if hold.status in OPEN else [hold.status]):
                yield f"{reference} is {hold.status}, and its ends are {ends}"
            if hold.status == "expired" and {CONFIRMED, SHIPPED} & set(steps[reference]):
                yield f"{reference} is expired though it was confirmed"
            yield from _not_as_told(basket, hold)


def _not_as_told(basket: Basket, hold: Hold) -> Iterator[str]:
    for step in basket.steps:
        if not _agrees(step, hold):
            what = step.code or step.figures.get("status")
            yield f"{step.reference}, a {step.operation.kind}, was told {what} of {hold}"
        elif _is_too_late(basket, step):
            yield f"{step.reference}, a {step.operation.kind}, kept {hold} past its time"


def _agrees(step: Entry, hold: Hold) -> bool:
    """How a hold ended is what each of its steps was told.

    One that is past its time may still be let go.
    """
    if step.outcome == Outcome.REFUSED:
        kept = hold.status in {"confirmed", "shipped"}
        return step.code != "reservation_expired" or not kept
    if step.outcome != Outcome.OK:
        return True
    status = step.figures["status"]
    if status not in OPEN:
        return bool(status == hold.status)
    if step.operation.kind == Kind.RELEASE:
        return False
    return status == "active" or hold.status not in {"active", "expired"}


def _is_too_late(basket: Basket, step: Entry) -> bool:
    """It kept a hold that had expired before: neither extended nor confirmed by another."""
    if step.outcome != Outcome.OK or step.figures["status"] in {"released", "expired"}:
        return False
    expired = basket.expired_by(without=step) + SLACK
    keepers = basket.attempts(Kind.CONFIRM, Kind.SHIP)
    return step.began > expired and not any(
        keeper is not step and keeper.began <= expired for keeper in keepers
    )


def wrong_reserved(known: Known) -> Iterator[str]:
    promised = Counter[object]()
    for promise in known.history.promises:
        if promise.status not in OPEN:
            yield f"{promise} belongs to a hold that has ended"
        if promise.batch is None:
            promised[promise.place] += promise.quantity
    for place, level in known.levels.items():
        if level.reserved != promised[place]:
            yield f"{place} has {level.reserved} reserved, and {promised[place]} are promised"


def wrong_batches(known: Known) -> Iterator[str]:
    promised = Counter[str | None]()
    received, coming = Counter[str](), Counter[object]()
    for promise in known.history.promises:
        promised[promise.batch] += promise.quantity
    for movement in known.history.movements:
        received[movement.reference] += movement.delta
    for batch in known.history.batches:
        coming[batch.place] += batch.outstanding
        if batch.allocated != promised[batch.reference]:
            yield f"{batch} has promises of {promised[batch.reference]}"
        if batch.received != received[batch.reference]:
            yield f"{batch} has receipts of {received[batch.reference]}"
    for place, level in known.levels.items():
        if level.incoming != coming[place]:
            yield f"{place} expects {level.incoming}, and {coming[place]} are on their way"


def wrong_lines(known: Known) -> Iterator[str]:
    for hold in known.history.holds:
        for line in hold.lines:
            has = line.shipped + line.allocated + line.unallocated
            if hold.status in OPEN and has != line.quantity:
                yield f"{hold.order_reference} has {line}"
            if hold.status not in OPEN and line.allocated:
                yield f"{hold.order_reference} has ended with {line}"


def wrong_shipments(known: Known) -> Iterator[str]:
    sent = Counter[tuple[str, int]]()
    for movement in known.history.movements:
        if movement.reason == "shipment":
            sent[movement.reference, movement.place.product] -= movement.delta
    shipped = Counter(
        {
            (hold.order_reference, line.product): line.shipped
            for hold in known.history.holds
            for line in hold.lines
        }
    )
    for order, product in sent | shipped:
        if sent[order, product] != shipped[order, product]:
            yield (
                f"{order} has shipped {shipped[order, product]} of {product}, and "
                f"{sent[order, product]} left the shelves"
            )


def overpromised(known: Known) -> Iterator[str]:
    for place, level in known.levels.items():
        if level.reserved > level.on_hand:
            yield f"{place} has {level.reserved} reserved of {level.on_hand}"
    for batch in known.history.batches:
        if batch.allocated > batch.outstanding:
            yield f"{batch} has promised more than is to come"
    for sighting in known.history.sightings:
        if sighting.reserved > sighting.on_hand:
            yield f"{sighting} had promised more than there was"
