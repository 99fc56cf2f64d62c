"""A seed is enough to repeat a race's schedule."""

from __future__ import annotations

from collections import Counter
from random import Random

from tests.race.operations import (
    ANNEX,
    BARE,
    COLD,
    HELD,
    HOT,
    LACKING,
    MAIN,
    OPENING,
    RARE,
    DiesAt,
    Kind,
    Trouble,
)
from tests.race.schedule import LIVES, SHORT_LIVES, mishaps, schedule


def test_the_same_seed_makes_the_same_schedule_and_another_seed_another():
    assert schedule(1, 200) == schedule(1, 200)
    assert schedule(1, 200) != schedule(2, 200)


def test_the_operations_are_numbered_in_their_order():
    assert [operation.number for operation in schedule(1, 200)] == list(range(200))


def test_a_short_race_meets_everything_that_can_go_wrong():
    met = Counter(operation.dies_at or operation.trouble for operation in schedule(3, 200))
    assert all(met[mishap] >= 2 for mishap in (*DiesAt, *Trouble))


def test_a_hundred_thousand_operations_meet_many_kills():
    met = Counter(mishaps(Random(1), 100_000).values())  # noqa: S311 - not secret
    assert all(met[point] == 40 for point in DiesAt)
    assert met[Trouble.WORKER_KILLED] == met[Trouble.SESSION_ENDED] == 50
    assert met[Trouble.HANGS_UP] == 2_000


def test_the_shortest_race_has_one_operation():
    assert len(schedule(1, 1)) == 1


def test_clients_want_everything_of_every_product():
    operations = schedule(1, 3_000)
    assert {one.product for one in operations} == set(range(COLD + 1)) | {BARE} == set(OPENING)
    wanted = {(one.kind, one.location) for one in operations if one.product in (HOT, BARE)}
    plain = (Kind.SALE, Kind.RECEIPT, Kind.COUNT, Kind.TRANSFER, Kind.BATCH)
    assert wanted >= {(kind, place) for kind in plain for place in (MAIN, ANNEX)}
    assert (Kind.SALE, None) in wanted
    assert {one.kind for one in operations} == set(Kind)


def test_sales_take_a_little_more_than_receipts_bring():
    operations = schedule(1, 6_000)
    sales = sum(one.quantity for one in operations if one.kind == Kind.SALE)
    receipts = sum(one.quantity for one in operations if one.kind == Kind.RECEIPT)
    assert receipts < sales < 1.5 * receipts


def test_each_step_comes_after_what_it_is_about_and_nobody_holds_the_bare_product():
    operations = schedule(2, 3_000)
    steps = [one for one in operations if one.of is not None]
    assert all(one.of < one.number for one in steps)
    assert {operations[one.of].kind for one in steps} == {Kind.RESERVE, Kind.BATCH}
    held = {product for one in operations for product, _ in one.lines}
    assert held == {HOT, *HELD, *RARE, *LACKING}


def test_holds_end_in_every_way_and_some_are_too_late():
    operations = schedule(3, 3_000)
    steps = Counter(one.kind for one in operations if one.of is not None)
    assert min(steps[kind] for kind in (Kind.CONFIRM, Kind.RELEASE, Kind.SHIP, Kind.EXTEND)) > 20
    assert sum(one.is_late for one in operations) > 20
    assert sum(one.is_late and one.kind == Kind.RESERVE for one in operations) > 20
    forgotten = {one.number for one in operations if one.kind == Kind.RESERVE}
    assert forgotten - {one.of for one in operations}
    assert () in LIVES
    assert () in SHORT_LIVES
