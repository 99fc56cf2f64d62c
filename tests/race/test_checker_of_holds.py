"""The checker finds what is wrong with holds and batches, and nothing where all is right.

One small history: a hold that is confirmed and shipped, one that waits for a batch, one that is
let go, one that is too late; then each is spoiled in one way.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.race.baskets import Basket
from tests.race.histories import SHELF, entry, line, told, violated
from tests.race.history import Batch, HeldLine, History, Hold, Level, Outcome, Promise, Step
from tests.race.operations import Kind


def figures(status, quantity, shipped=0, unallocated=0, allocated=0):
    held = {"quantity": quantity, "shipped": shipped}
    held |= {"unallocated": unallocated, "allocated": allocated}
    return {"id": "1", "status": status, "lines": {0: held}}


def basket(reference, began, units, **more):
    """A hold of so many units of the one product."""
    asked = {"lines": ((0, units),), "seconds": 600, **more}
    stated = figures("active", units, allocated=units)
    return entry(reference, began, Kind.RESERVE, units, **{"figures": stated} | asked)


def refusal(code, **meta):
    return {"outcome": Outcome.REFUSED, "code": code, "figures": meta}


SOLD = basket("sold", 10, 4)
CONFIRM = entry(
    "confirm", 12, Kind.CONFIRM, 4, about=SOLD, figures=figures("confirmed", 4, 0, 0, 4)
)
SHIP = entry("ship", 14, Kind.SHIP, 4, about=SOLD, figures=figures("shipped", 4, 4))
ORDER = entry("po", 20, Kind.BATCH, 8, figures={"id": "2"})
WAITING = basket("waiting", 30, 9, allow_incoming=True)
SHORT = entry(
    "short",
    40,
    Kind.RESERVE,
    9,
    lines=((0, 9),),
    seconds=600,
    **refusal("insufficient_stock", short={0: (9, 0)}),
)
RECEIVE = entry("receive", 50, Kind.RECEIVE, 2, about=ORDER)
GONE = basket("gone", 60, 2)
RELEASE = entry("release", 62, Kind.RELEASE, 2, about=GONE, figures=figures("released", 2))
LATE = basket("late", 70, 1, seconds=1)
TOO_LATE = entry("too-late", 75, Kind.CONFIRM, 1, about=LATE, **refusal("reservation_expired"))
SALE = entry("sale", 77, Kind.SALE, 7, **refusal("insufficient_stock", available=2, requested=7))
LEDGER = [
    line(1, 10, 10, "receipt", ""),
    line(2, -4, 6, "shipment", "sold")._replace(request_id="ship.1"),
    line(3, 2, 8, "receipt", "po")._replace(request_id="receive.1"),
]
RIGHT = History(
    entries=[
        *(SOLD, CONFIRM, SHIP, ORDER, WAITING, SHORT, RECEIVE),
        *(GONE, RELEASE, LATE, TOO_LATE, SALE),
    ],
    sightings=[],
    levels=[
        Level(SHELF, opening=10, on_hand=8, reserved=8, version=14, movement_count=3, incoming=6)
    ],
    movements=LEDGER,
    events=[told(one) for one in LEDGER],
    holds=[
        Hold("sold", "shipped", (HeldLine(0, 4, 4, 0, 0),)),
        Hold("waiting", "active", (HeldLine(0, 9, 0, 0, 9),)),
        Hold("gone", "released", (HeldLine(0, 2, 0, 0, 0),)),
        Hold("late", "expired", (HeldLine(0, 1, 0, 0, 0),)),
    ],
    promises=[
        Promise("waiting", "active", SHELF, None, 8),
        Promise("waiting", "active", SHELF, "po", 1),
    ],
    batches=[Batch("po", SHELF, 8, 2, 1, "incoming")],
    steps=[
        Step("reservation.created", "sold", "sold.1"),
        Step("reservation.confirmed", "sold", "confirm.1"),
        Step("reservation.shipped", "sold", "ship.1", is_complete=True),
        Step("batch.created", "po", "po.1"),
        Step("reservation.created", "waiting", "waiting.1"),
        Step("batch.received", "po", "receive.1"),
        Step("reservation.created", "gone", "gone.1"),
        Step("reservation.released", "gone", "release.1"),
        Step("reservation.created", "late", "late.1"),
        Step("reservation.expired", "late", "sweeper"),
    ],
)


def with_entry(wrong):
    return replace(
        RIGHT,
        entries=[wrong if one.reference == wrong.reference else one for one in RIGHT.entries],
    )


def with_hold(number, **wrong):
    holds = list(RIGHT.holds)
    holds[number] = holds[number]._replace(**wrong)
    return replace(RIGHT, holds=holds)


def with_level(**wrong):
    return replace(RIGHT, levels=[RIGHT.levels[0]._replace(**wrong)])


def with_batch(**wrong):
    return replace(RIGHT, batches=[RIGHT.batches[0]._replace(**wrong)])


def with_steps(*more, without=None):
    kept = [step for step in RIGHT.steps if step.request_id != without]
    return replace(RIGHT, steps=[*kept, *more])


WRONG = {
    "acknowledged, and not held": (
        {"not whole", "lost"},
        replace(RIGHT, entries=[*RIGHT.entries, basket("air", 80, 1)]),
    ),
    "a line is missing": (
        {"not whole"},
        with_entry(
            replace(
                GONE,
                operation=replace(GONE.operation, lines=((0, 2), (1, 1))),
                figures=GONE.figures
                | {
                    "lines": GONE.figures["lines"]
                    | {1: figures("active", 1, allocated=1)["lines"][0]}
                },
            )
        ),
    ),
    "made without supply for all of it": (
        {"not whole"},
        with_entry(replace(GONE, figures=figures("active", 2, unallocated=1, allocated=1))),
    ),
    "refused and held": (
        {"not whole", "resolved twice"},
        replace(RIGHT, holds=[*RIGHT.holds, Hold("short", "released", (HeldLine(0, 9, 0, 0, 0),))]),
    ),
    "held twice": ({"not whole"}, replace(RIGHT, holds=[*RIGHT.holds, RIGHT.holds[2]])),
    "a hold that nobody asked for": (
        {"not whole"},
        replace(RIGHT, holds=[*RIGHT.holds, Hold("ghost", "released", ())]),
    ),
    "let go, and confirmed all the same": (
        {"resolved twice", "wrong lines"},
        with_hold(2, status="confirmed"),
    ),
    "ended twice": ({"resolved twice"}, with_steps(Step("reservation.expired", "gone", "sweeper"))),
    "expired, though confirmed": (
        {"resolved twice"},
        with_steps(Step("reservation.confirmed", "late", "who")),
    ),
    "its end is told nowhere": ({"resolved twice"}, with_steps(without="sweeper")),
    "confirmed past its time": (
        {"resolved twice"},
        replace(
            with_entry(
                replace(
                    TOO_LATE, outcome=Outcome.OK, code="", figures=figures("confirmed", 1, 0, 0, 1)
                )
            ),
            holds=[*RIGHT.holds[:3], Hold("late", "confirmed", (HeldLine(0, 1, 0, 1, 0),))],
            steps=RIGHT.steps[:-1],
        ),
    ),
    "one request, two events": ({"doubled"}, with_steps(RIGHT.steps[1])),
    "refused, and an event": (
        {"done though refused"},
        with_steps(Step("reservation.extended", "late", "too-late.1")),
    ),
    "a promise is not counted": ({"wrong reserved"}, with_level(reserved=7)),
    "counted free twice": ({"wrong reserved"}, with_level(reserved=6)),
    "promised to a hold that has ended": (
        {"wrong reserved", "wrong lines", "overpromised"},
        replace(
            with_hold(2, lines=(HeldLine(0, 2, 0, 0, 2),)),
            promises=[*RIGHT.promises, Promise("gone", "released", SHELF, None, 2)],
            levels=[RIGHT.levels[0]._replace(reserved=10, on_hand=8)],
        ),
    ),
    "a batch that counts its promises wrongly": ({"wrong batches"}, with_batch(allocated=2)),
    "a batch with receipts that were none": (
        {"wrong batches"},
        with_batch(received=3, allocated=1),
    ),
    "a level that expects too much": ({"wrong batches"}, with_level(incoming=7)),
    "a line that lost a unit": ({"wrong lines"}, with_hold(1, lines=(HeldLine(0, 9, 0, 0, 8),))),
    "shipped, and nothing left the shelf": (
        {"wrong shipments"},
        with_hold(0, lines=(HeldLine(0, 4, 5, 0, 0),)),
    ),
    "more is promised than there is": ({"overpromised", "wrong reserved"}, with_level(reserved=9)),
    "promises on what has arrived": (
        {"overpromised", "wrong batches"},
        with_batch(received=8, status="received"),
    ),
    "too late, before its time": (
        {"unjustified"},
        with_entry(replace(TOO_LATE, began=70.2, ended=70.5)),
    ),
    "refused though more was free than anybody can have held": (
        {"unjustified"},
        with_entry(
            replace(
                SALE,
                figures={"available": 0, "requested": 7},
                operation=replace(SALE.operation, quantity=1),
                began=10.0,
                ended=10.5,
            )
        ),
    ),
    "an answer whose lines do not add up": (
        {"wrong answers"},
        with_entry(replace(CONFIRM, figures=figures("confirmed", 4, 0, 0, 3))),
    ),
    "less was shipped than asked for": (
        {"mismatched"},
        with_entry(replace(SHIP, operation=replace(SHIP.operation, lines=((0, 3),)))),
    ),
    "another quantity was received": (
        {"mismatched"},
        with_entry(replace(RECEIVE, operation=replace(RECEIVE.operation, quantity=3))),
    ),
}


def test_nothing_is_found_in_a_history_that_is_right():
    assert violated(RIGHT) == set()


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name):
    expected, history = WRONG[name]
    assert violated(history) == expected


def test_a_hold_past_its_time_keeps_nothing_from_a_decision():
    hold = Basket(LATE)  # until 72 at the latest
    assert hold.may_hold((71, 72), overdue=False)
    assert not hold.may_hold((73, 74), overdue=False)
    assert hold.may_hold((73, 74), overdue=True)
    assert not hold.may_hold((68, 69), overdue=True)


def test_a_hold_that_may_have_been_confirmed_or_extended_keeps_what_it_has():
    confirmed = Basket(LATE, steps=[replace(TOO_LATE, outcome=Outcome.UNKNOWN)])
    assert confirmed.may_hold((80, 81), overdue=False)
    longer = entry("longer", 71.5, Kind.EXTEND, 1, about=LATE, seconds=20)
    extended = Basket(LATE, steps=[longer])
    assert extended.may_hold((91, 92), overdue=False)
    assert not extended.may_hold((93, 94), overdue=False)
    assert not extended.may_be_overdue(80)
    assert extended.may_be_overdue(92)


def test_a_hold_that_was_let_go_keeps_nothing():
    gone = Basket(GONE, steps=[RELEASE])
    assert gone.may_hold((61, 63), overdue=True)
    assert not gone.may_hold((64, 65), overdue=True)
