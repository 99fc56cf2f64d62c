"""The checker finds every kind of wrong, and nothing in a history that is right.

One small history is right: a sale, a refusal, a count and a transfer, one after the other. Each
test spoils it in one way and names the assertions that must be violated, and no other.
"""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.race.checker import ASSERTIONS
from tests.race.histories import FAR, SHELF, entry, line, told, violated
from tests.race.history import Entry, Event, Guard, History, Level, Movement, Outcome, Sighting
from tests.race.operations import ANNEX, Kind
from tests.race.test_checker_of_holds import WRONG as OF_HOLDS

SALE = entry("sale", 10, Kind.SALE, 4, figures={"quantity": 8, "version": 5})
REFUSAL = entry(
    "refusal",
    20,
    Kind.SALE,
    9,
    outcome=Outcome.REFUSED,
    code="insufficient_stock",
    figures={"requested": 9, "available": 6, "shortfall": 3},
)
COUNT = entry("count", 30, Kind.COUNT, -1, guard=Guard(5, 6), figures={"quantity": 7, "version": 6})
STALE = entry(
    "stale",
    40,
    Kind.COUNT,
    1,
    guard=Guard(7, 6),
    outcome=Outcome.REFUSED,
    code="stale_quantity",
    figures={"expected": 6, "current": 5, "version": 4},
)
MOVE = entry(
    "move", 50, Kind.TRANSFER, 3, to_location=ANNEX, figures={"movements": ["annex-2", "main-4"]}
)
SPLIT = entry("split", 60, Kind.SALE, 4, location=None, figures={"quantity": 3, "version": 10})
LEDGER = [
    line(1, 10, 10, "receipt", ""),
    line(2, -4, 6, "sale", "sale"),
    line(3, -1, 5, "count", "count"),
    line(4, -3, 2, "transfer_out", "move"),
    line(5, -2, 0, "sale", "split"),
    line(1, 2, 2, "receipt", "", FAR),
    line(2, 3, 5, "transfer_in", "move", FAR),
    line(3, -2, 3, "sale", "split", FAR),
]
RIGHT = History(
    entries=[SALE, REFUSAL, COUNT, STALE, MOVE, SPLIT],
    sightings=[Sighting(SHELF, on_hand=6, version=3, began=28, ended=29)],
    levels=[
        Level(SHELF, opening=10, on_hand=0, reserved=0, version=6, movement_count=5),
        Level(FAR, opening=2, on_hand=3, reserved=0, version=4, movement_count=3),
    ],
    movements=LEDGER,
    events=[told(movement) for movement in LEDGER],
)


def with_entry(wrong: Entry) -> History:
    """The right history with one of its entries in another form."""
    entries = [wrong if one.reference == wrong.reference else one for one in RIGHT.entries]
    return replace(RIGHT, entries=entries)


def with_ledger(*movements: Movement, **more) -> History:
    """With another ledger, of which the events tell truly."""
    return replace(RIGHT, movements=movements, events=[told(one) for one in movements], **more)


def with_line(wrong: Movement) -> History:
    return with_ledger(*[wrong if one.id == wrong.id else one for one in LEDGER])


def test_nothing_is_found_in_a_history_that_is_right():
    assert violated(RIGHT) == set()


def test_every_assertion_has_a_history_that_violates_it():
    wrong = [*WRONG.values(), *OF_HOLDS.values()]
    assert {name for names, _ in wrong for name in names} == set(ASSERTIONS)


WRONG = {
    "acknowledged, and nowhere": (
        {"lost"},
        replace(RIGHT, entries=[*RIGHT.entries, entry("gone", 70, Kind.SALE, 1)]),
    ),
    "two requests took effect": (
        {"doubled", "mismatched", "wrong answers"},
        with_ledger(
            *LEDGER,
            line(4, -1, 2, "sale", "split", FAR)._replace(request_id="split.2"),
            levels=[
                RIGHT.levels[0],
                Level(FAR, opening=2, on_hand=2, reserved=0, version=5, movement_count=4),
            ],
        ),
    ),
    "one request took effect twice": (
        {"doubled", "mismatched", "wrong answers"},
        with_ledger(
            *LEDGER,
            line(4, -2, 1, "sale", "split", FAR),
            levels=[
                RIGHT.levels[0],
                Level(FAR, opening=2, on_hand=1, reserved=0, version=5, movement_count=4),
            ],
        ),
    ),
    "refused and done": (
        {"done though refused"},
        with_ledger(
            *LEDGER,
            line(4, -3, 0, "sale", "all", FAR),
            entries=[
                *RIGHT.entries,
                entry(
                    "all",
                    70,
                    Kind.SALE,
                    3,
                    location=ANNEX,
                    outcome=Outcome.REFUSED,
                    code="insufficient_stock",
                    figures={"available": 0},
                ),
            ],
            levels=[
                RIGHT.levels[0],
                Level(FAR, opening=2, on_hand=0, reserved=0, version=5, movement_count=4),
            ],
        ),
    ),
    "nobody knows": (
        {"unsettled"},
        replace(
            RIGHT,
            entries=[
                *RIGHT.entries,
                entry("who", 70, Kind.SALE, 1, outcome=Outcome.UNKNOWN, ended=float("inf")),
            ],
        ),
    ),
    "below nothing": (
        {"oversold", "overpromised", "mismatched", "wrong answers"},
        with_ledger(
            *LEDGER[:4],
            LEDGER[4]._replace(delta=-3, on_hand_after=-1),
            *LEDGER[5:],
            levels=[RIGHT.levels[0]._replace(on_hand=-1), RIGHT.levels[1]],
        ),
    ),
    "the level has more than its ledger": (
        {"wrong totals"},
        replace(RIGHT, levels=[RIGHT.levels[0]._replace(on_hand=1), RIGHT.levels[1]]),
    ),
    "a running total is off": (
        {"wrong totals", "wrong answers"},
        with_line(LEDGER[7]._replace(on_hand_after=4)),
    ),
    "the opening is not what was opened": (
        {"wrong totals"},
        replace(RIGHT, levels=[RIGHT.levels[0]._replace(opening=11), RIGHT.levels[1]]),
    ),
    "reserved without a reservation": (
        {"wrong reserved"},
        replace(RIGHT, levels=[RIGHT.levels[0], RIGHT.levels[1]._replace(reserved=1)]),
    ),
    "a number is left out": (
        {"gaps", "wrong answers"},
        with_line(LEDGER[7]._replace(sequence=4)),
    ),
    "the counter of movements is off": (
        {"gaps"},
        replace(RIGHT, levels=[RIGHT.levels[0]._replace(movement_count=6), RIGHT.levels[1]]),
    ),
    "sent after the next one was completed": (
        {"out of order", "unjustified", "wrong reads"},
        with_entry(replace(SALE, began=35, ended=36)),
    ),
    "another number of units": (
        {"mismatched"},
        with_entry(replace(SALE, operation=replace(SALE.operation, quantity=3))),
    ),
    "from another location": (
        {"mismatched"},
        with_entry(replace(SALE, operation=replace(SALE.operation, location=ANNEX))),
    ),
    "from the second location before the first was empty": (
        {"mismatched"},
        with_ledger(
            *LEDGER[:4],
            LEDGER[4]._replace(delta=-1, on_hand_after=1),
            *LEDGER[5:7],
            LEDGER[7]._replace(delta=-3, on_hand_after=2),
            levels=[RIGHT.levels[0]._replace(on_hand=1), RIGHT.levels[1]._replace(on_hand=2)],
        ),
    ),
    "the count was made against another quantity": (
        {"mismatched"},
        with_entry(replace(COUNT, guard=Guard(5, 7))),
    ),
    "an answer with another quantity": (
        {"wrong answers"},
        with_entry(replace(SALE, figures={"quantity": 9, "version": 5})),
    ),
    "an answer with another version": (
        {"wrong answers"},
        with_entry(replace(SALE, figures={"quantity": 8, "version": 4})),
    ),
    "a version that never was": (
        {"wrong answers"},
        with_entry(replace(SPLIT, figures={"quantity": 3, "version": 11})),
    ),
    "an answer that names another movement": (
        {"wrong answers"},
        with_entry(replace(MOVE, figures={"movements": ["annex-2", "main-3"]})),
    ),
    "stock that was sold before it was read": (
        {"wrong reads"},
        replace(RIGHT, sightings=[Sighting(SHELF, on_hand=10, version=2, began=28, ended=29)]),
    ),
    "stock read before it was there": (
        {"wrong reads"},
        replace(RIGHT, sightings=[Sighting(SHELF, on_hand=5, version=4, began=28, ended=29)]),
    ),
    "refused though there was enough": (
        {"unjustified"},
        with_entry(replace(REFUSAL, operation=replace(REFUSAL.operation, quantity=6))),
    ),
    "refused with what was there long before": (
        {"unjustified"},
        with_entry(replace(REFUSAL, began=38, ended=39)),
    ),
    "stale against what it was": (
        {"unjustified"},
        with_entry(replace(STALE, guard=Guard(7, 5))),
    ),
    "refused for no known reason": (
        {"unjustified"},
        with_entry(replace(REFUSAL, code="quantity_limit")),
    ),
    "a retry got another answer": (
        {"differing replays"},
        with_entry(replace(SALE, differing_replays=["other bytes"])),
    ),
    "a fact that nobody hears of": (
        {"missing events"},
        replace(RIGHT, events=RIGHT.events[1:]),
    ),
    "a fact told wrongly": (
        {"missing events"},
        replace(RIGHT, events=[RIGHT.events[0]._replace(after=9), *RIGHT.events[1:]]),
    ),
    "a fact told twice": (
        {"surplus events"},
        replace(RIGHT, events=[*RIGHT.events, RIGHT.events[0]]),
    ),
    "something told that never was": (
        {"surplus events"},
        replace(RIGHT, events=[*RIGHT.events, Event("none", 0, 1, "r")]),
    ),
    "a deadlock": ({"deadlocks"}, replace(RIGHT, deadlocks=1)),
    "an answer that the contract does not know": (
        {"unexplained"},
        with_entry(replace(SALE, unexplained=["500 server_error"])),
    ),
    "a movement that nobody asked for": (
        {"lost", "unexplained"},
        with_line(LEDGER[1]._replace(reference="ghost")),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name):
    expected, history = WRONG[name]
    assert violated(history) == expected


def test_a_count_that_finds_what_is_there_needs_no_movement():
    """Its guard was stale, but the quantity counted is the current one: nothing is to be done."""
    unchanged = entry("same", 45, Kind.COUNT, -1, guard=Guard(5, 6))
    assert violated(replace(RIGHT, entries=[*RIGHT.entries, unchanged])) == set()
    late = replace(unchanged, began=70, ended=71)
    assert violated(replace(RIGHT, entries=[*RIGHT.entries, late])) == {"lost"}


def test_operations_that_overlap_may_come_in_either_order():
    overlapping = replace(SALE, began=10, ended=40)
    refused = replace(REFUSAL, began=11, figures={"available": 10}, ended=12)
    wished = replace(refused, operation=replace(REFUSAL.operation, quantity=11))
    history = replace(RIGHT, entries=[overlapping, wished, *RIGHT.entries[2:]])
    assert violated(history) == set()


def test_a_refusal_over_several_locations_adds_up_what_they_had_then():
    short = replace(
        REFUSAL,
        operation=replace(REFUSAL.operation, location=None),
        figures={"available": 8},
    )
    assert violated(with_entry(short)) == set()
    assert violated(with_entry(replace(short, figures={"available": 7}))) == {"unjustified"}


def test_the_second_location_may_give_alone_when_the_first_is_empty():
    far = line(4, -3, 0, "sale", "rest", FAR)
    rest = entry("rest", 70, Kind.SALE, 3, location=None, figures={"quantity": 0, "version": 11})
    emptied = RIGHT.levels[1]._replace(on_hand=0, version=5, movement_count=4)
    history = with_ledger(
        *LEDGER, far, levels=[RIGHT.levels[0], emptied], entries=[*RIGHT.entries, rest]
    )
    assert violated(history) == set()
    before = with_ledger(
        *LEDGER[:4],
        line(3, -3, 2, "sale", "rest", FAR),
        *LEDGER[5:7],
        levels=[
            RIGHT.levels[0]._replace(on_hand=2, version=5, movement_count=4),
            RIGHT.levels[1]._replace(on_hand=2),
        ],
        entries=[*RIGHT.entries[:5], replace(rest, figures={"quantity": 4, "version": 9})],
    )
    assert violated(before) == {"mismatched"}


def test_an_unknown_operation_may_have_taken_effect_once():
    """It is unsettled, but neither lost nor doubled; its line may come anywhere after its start."""
    unknown = replace(SPLIT, outcome=Outcome.UNKNOWN, ended=float("inf"), figures={})
    assert violated(with_entry(unknown)) == {"unsettled"}
