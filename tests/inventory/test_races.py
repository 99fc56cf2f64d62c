"""Two clients for the last unit: each operation that writes stock, and proof that it matters.

Every race stands beside a negative control: the same race without the lock must go wrong, or the
race proves nothing.
"""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Barrier

import pytest
from django.db import Error, connection

from common.bulkhead import TooManyWait, lock_queue
from common.database import database_now
from common.errors import Duplicate
from common.together import Wish
from inventory import rules
from inventory.errors import AlreadyReversed, InsufficientStock, StaleQuantity
from inventory.models import Location, StockLevel, StockMovement
from inventory.operations import (
    adjust_stock,
    deltas,
    open_inventory,
    reverse_movement,
    reverse_transfer,
    set_reorder_settings,
    transfer_stock,
)
from inventory.querysets import StockLevelQuerySet
from inventory.rules import Change
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import in_a_thread, race, somebody_waits_for_a_lock, waiting_for_a_lock
from tests.waiting import wait_until

pytestmark = [pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

WORKERS = 8


def count(outcomes, kind) -> int:
    return sum(isinstance(outcome, kind) for outcome in outcomes)


def the_ledger_is_whole(level: StockLevel) -> bool:
    """Sequences 1, 2, 3 …, and the running total ends at what is on hand."""
    level.refresh_from_db()
    ledger = list(level.movements.order_by("sequence"))
    total = 0
    for place, movement in enumerate(ledger, start=1):
        total += movement.delta
        if (movement.sequence, movement.on_hand_after) != (place, total):
            return False
    return level.on_hand == total and level.movement_count == len(ledger)


def each_by_itself(monkeypatch):
    """In a transaction of its own, though others want the same product."""

    def ask(product_id, change):
        return deltas.together._grant(product_id, [Wish(change)])[0]

    monkeypatch.setattr(deltas.together, "ask", ask)


@pytest.fixture
def without_locks(monkeypatch):
    """Everybody reads before anybody writes."""
    each_by_itself(monkeypatch)
    monkeypatch.setattr(StockLevelQuerySet, "locked", lambda levels: levels.order_by("pk"))

    def all_read_first(workers):
        everyone_has_read = Barrier(workers, timeout=10)
        decide = rules.decide

        def decide_late(*args, **kwargs):
            postings = decide(*args, **kwargs)
            everyone_has_read.wait()
            return postings

        monkeypatch.setattr("inventory.rules.decide", decide_late)

    return all_read_first


def without_locks_until_all_have_read(monkeypatch, workers: int) -> None:
    """For operations that check the limit after they have read what they decide on."""
    monkeypatch.setattr(StockLevelQuerySet, "locked", lambda levels: levels.order_by("pk"))
    everyone_has_read = Barrier(workers, timeout=10)
    check_limit = rules.check_limit

    def check_late(on_hand):
        everyone_has_read.wait()
        check_limit(on_hand)

    monkeypatch.setattr("inventory.rules.check_limit", check_late)


def take_one(level: StockLevel):
    return lambda _: adjust_stock(changes=[Change(product_id=level.product_id, delta=-1)])


def test_eight_buyers_cannot_oversell_three_units():
    level = StockLevelFactory(on_hand=3)
    outcomes = race(take_one(level), WORKERS)
    assert count(outcomes, list) == 3
    assert count(outcomes, InsufficientStock) == 5
    assert the_ledger_is_whole(level)
    assert level.on_hand == 0


def test_without_the_lock_the_same_buyers_believe_they_got_it(without_locks):
    """Negative control: all four decide to sell the one unit; only the ledger's key stops them."""
    level = StockLevelFactory(on_hand=1)
    without_locks(4)
    outcomes = race(take_one(level), 4)
    assert count(outcomes, InsufficientStock) == 0
    assert count(outcomes, list) + count(outcomes, Error) == 4
    assert count(outcomes, Error) >= 1


def test_changes_in_opposite_order_do_not_deadlock():
    levels = [StockLevelFactory(on_hand=100) for _ in range(4)]

    def buy(number):
        order = levels if number % 2 else levels[::-1]
        return adjust_stock(changes=[Change(product_id=one.product_id, delta=-1) for one in order])

    outcomes = race(buy, WORKERS)
    assert count(outcomes, list) == WORKERS
    assert all(the_ledger_is_whole(level) and level.on_hand == 92 for level in levels)


def test_counts_against_the_same_quantity_are_accepted_once():
    level = StockLevelFactory(on_hand=10)

    def recount(number):
        wish = Change(product_id=level.product_id, count=20 + number, expected=10)
        return adjust_stock(changes=[wish])

    outcomes = race(recount, WORKERS)
    assert count(outcomes, list) == 1
    assert count(outcomes, StaleQuantity) == WORKERS - 1
    assert the_ledger_is_whole(level)


def test_without_the_lock_several_counts_are_taken_for_the_first(without_locks):
    """Negative control for the counts."""
    level = StockLevelFactory(on_hand=10)
    without_locks(4)

    def recount(number):
        wish = Change(product_id=level.product_id, count=20 + number, expected=10)
        return adjust_stock(changes=[wish])

    assert count(race(recount, 4), StaleQuantity) == 0


def test_an_inventory_is_opened_once():
    product = ProductFactory()
    outcomes = race(lambda _: open_inventory(product_id=product.pk, quantity=5), WORKERS)
    assert count(outcomes, Duplicate) == WORKERS - 1
    level = StockLevel.objects.get()
    assert level.on_hand == 5
    assert the_ledger_is_whole(level)


def test_looking_first_does_not_keep_an_inventory_from_being_opened_twice(monkeypatch):
    """Negative control: whoever looks before inserting meets the database's error instead."""
    product, _ = ProductFactory(), Location.objects.default()
    everyone_has_looked = Barrier(4, timeout=10)

    def look_then_insert(level):
        if StockLevel.objects.filter(product=level.product, location=level.location).exists():
            return False
        everyone_has_looked.wait()
        level.save(force_insert=True)
        return True

    monkeypatch.setattr("inventory.operations.stock._is_new", look_then_insert)
    outcomes = race(lambda _: open_inventory(product_id=product.pk, quantity=5), 4)
    assert count(outcomes, Duplicate) == 0
    assert count(outcomes, Error) == 3


def test_a_level_that_several_want_to_make_is_made_once():
    level = StockLevelFactory(on_hand=1)
    LocationFactory(code="north")
    wish = Change(product_id=level.product_id, delta=2, location="north")
    outcomes = race(lambda _: adjust_stock(changes=[wish]), WORKERS)
    assert count(outcomes, list) == WORKERS
    made = StockLevel.objects.get(location__code="north")
    assert made.on_hand == 2 * WORKERS
    assert the_ledger_is_whole(made)


def test_two_first_counts_of_a_place_are_not_added_up():
    """Both have seen nothing there, and wait for the product when one of them makes the level."""
    level = StockLevelFactory(on_hand=1)
    LocationFactory(code="north")
    wish = Change(product_id=level.product_id, count=5, expected=0, location="north")
    with ThreadPoolExecutor(2) as threads:
        with held(level):
            asked = [threads.submit(in_a_thread, adjust_stock, changes=[wish]) for _ in range(2)]
            wait_until(lambda: waiting_for_a_lock() == 2)
        outcomes = [one.exception() or one.result() for one in asked]
    assert (count(outcomes, list), count(outcomes, TooManyWait)) == (1, 1)
    made = StockLevel.objects.get(location__code="north")
    assert made.on_hand == 5
    assert the_ledger_is_whole(made)


def test_a_level_that_is_opened_while_others_fill_it_makes_nobody_wait_in_a_circle(monkeypatch):
    """Who opens a level holds the product's other levels first, as those do who fill it."""
    conflicts = []
    monkeypatch.setattr("common.database.is_conflict", conflicts.append)
    level = StockLevelFactory(on_hand=1)
    for number in range(5):
        place = LocationFactory(code=f"place-{number}").code

        def work(worker, place=place):
            if worker % 2:
                return open_inventory(product_id=level.product_id, quantity=1, location=place)
            wish = Change(product_id=level.product_id, delta=1, location=place)
            return adjust_stock(changes=[wish])

        race(work, WORKERS)
    assert conflicts == []


def transfer_one(level: StockLevel, *places: str):
    def transfer(number):
        there, back = places if number % 2 else places[::-1]
        return transfer_stock(
            product_id=level.product_id, from_location=there, to_location=back, quantity=1
        )

    return transfer


def test_transfers_crossing_each_other_lose_nothing_and_do_not_deadlock():
    level = StockLevelFactory(on_hand=20)
    other = StockLevelFactory(product=level.product, location__code="north", on_hand=20)
    outcomes = race(transfer_one(level, "main", "north"), WORKERS)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert the_ledger_is_whole(level)
    assert the_ledger_is_whole(other)
    assert level.on_hand + other.on_hand == 40


def test_the_last_unit_is_transferred_once():
    level = StockLevelFactory(on_hand=1)
    LocationFactory(code="north")
    move = transfer_one(level, "main", "north")
    outcomes = race(lambda _: move(1), WORKERS)
    assert count(outcomes, InsufficientStock) == WORKERS - 1
    assert the_ledger_is_whole(StockLevel.objects.get(location__code="north"))


def test_without_the_lock_transfers_run_into_each_other(monkeypatch):
    """Negative control for the transfers."""
    level = StockLevelFactory(on_hand=1)
    StockLevelFactory(product=level.product, location__code="north")
    without_locks_until_all_have_read(monkeypatch, 4)
    move = transfer_one(level, "main", "north")
    outcomes = race(lambda _: move(1), 4)
    assert count(outcomes, InsufficientStock) == 0


def test_a_movement_is_reversed_once_however_many_ask():
    level = StockLevelFactory(on_hand=5)
    take_one(level)(0)
    sale = StockMovement.objects.get(sequence=2)
    outcomes = race(lambda _: reverse_movement(movement_id=sale.pk), WORKERS)
    assert count(outcomes, StockMovement) == 1
    assert count(outcomes, AlreadyReversed) == WORKERS - 1
    assert the_ledger_is_whole(level)
    assert level.on_hand == 5


def test_without_the_lock_a_reversal_meets_the_database_instead_of_a_refusal(monkeypatch):
    """Negative control for the reversals: the unique key is the backstop."""
    level = StockLevelFactory(on_hand=5)
    take_one(level)(0)
    sale = StockMovement.objects.get(sequence=2)
    without_locks_until_all_have_read(monkeypatch, 4)
    outcomes = race(lambda _: reverse_movement(movement_id=sale.pk), 4)
    assert count(outcomes, AlreadyReversed) == 0
    assert count(outcomes, Error) == 3


def test_a_transfer_is_reversed_once_however_many_ask():
    level = StockLevelFactory(on_hand=5)
    LocationFactory(code="north")
    transfer = transfer_one(level, "main", "north")(1)
    outcomes = race(lambda _: reverse_transfer(transfer_id=transfer.pk), WORKERS)
    assert count(outcomes, AlreadyReversed) == WORKERS - 1
    assert the_ledger_is_whole(level)
    assert level.on_hand == 5


def test_without_the_lock_a_transfer_is_taken_back_several_times_over(monkeypatch):
    """Negative control: all four find it not reversed yet; only the unique key stops three."""
    level = StockLevelFactory(on_hand=5)
    LocationFactory(code="north")
    transfer = transfer_one(level, "main", "north")(1)
    without_locks_until_all_have_read(monkeypatch, 4)
    outcomes = race(lambda _: reverse_transfer(transfer_id=transfer.pk), 4)
    assert count(outcomes, AlreadyReversed) == 0
    assert count(outcomes, Error) == 3


def set_reorder_point(level: StockLevel):
    return lambda number: set_reorder_settings(
        stock_level_id=level.pk, changes={"reorder_point": number}
    )


def test_reorder_settings_and_sales_do_not_overwrite_each_other():
    level = StockLevelFactory(on_hand=10)
    version = level.version

    def work(number):
        return (take_one if number % 2 else set_reorder_point)(level)(number)

    outcomes = race(work, WORKERS)
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert the_ledger_is_whole(level)
    assert (level.on_hand, level.version) == (6, version + WORKERS)


def test_without_the_lock_reorder_settings_forget_each_other(monkeypatch):
    """Negative control: all four write the version after the one they have read."""
    level = StockLevelFactory(on_hand=10)
    version = level.version
    monkeypatch.setattr(StockLevelQuerySet, "locked", lambda levels: levels.order_by("pk"))
    everyone_has_read = Barrier(4, timeout=10)

    def now_late():
        everyone_has_read.wait()
        return database_now()

    monkeypatch.setattr("inventory.operations.settings.database_now", now_late)
    race(set_reorder_point(level), 4)
    level.refresh_from_db()
    assert level.version == version + 1


# One level that somebody holds


@contextmanager
def held(level):
    """Another session holds it for this block."""
    other = connection.copy()
    try:
        with other.cursor() as holder:
            holder.execute("BEGIN")
            holder.execute(
                "SELECT 1 FROM inventory_stocklevel WHERE id = %s FOR UPDATE", [level.pk]
            )
            yield
    finally:
        other.close()


def sell(client, level):
    change = {"quantity_delta": -1}
    return client.patch(f"/api/v1/inventory/{level.product_id}", change, "application/json")


@pytest.fixture
def places(monkeypatch):
    def are(number):
        monkeypatch.setattr(lock_queue, "places", number)
        monkeypatch.setattr(lock_queue, "patience", 0)

    return are


def rows_and_changes(level):
    """Rows that a session may hold, and a change through the API that has to wait for each."""
    return {
        "stock level": ("inventory_stocklevel", level.pk, f"stock-levels/{level.pk}"),
        "product": ("products_product", level.product_id, f"products/{level.product_id}"),
        "location": ("inventory_location", level.location_id, f"locations/{level.location_id}"),
    }


CHANGES = {
    "stock level": {"reorder_point": 3},
    "product": {"name": "Mug"},
    "location": {"name": "Attic"},
}


@pytest.mark.parametrize("what", CHANGES)
def test_any_row_that_is_held_keeps_few_threads(client, places, what):
    table, pk, path = rows_and_changes(StockLevelFactory(location=LocationFactory()))[what]
    places(1)

    def change():
        return client.patch(f"/api/v1/{path}", CHANGES[what], "application/json")

    other = connection.copy()
    with ThreadPoolExecutor(1) as threads:
        try:
            with other.cursor() as holder:
                holder.execute("BEGIN")
                holder.execute(f"SELECT 1 FROM {table} WHERE id = %s FOR UPDATE", [pk])  # noqa: S608
                waits = threads.submit(in_a_thread, change)
                wait_until(somebody_waits_for_a_lock)
                refused = change()
        finally:
            other.close()
        assert waits.result().status_code == 200
    assert (refused.status_code, refused["Retry-After"]) == (503, "1")


def test_a_level_that_is_held_keeps_few_threads_and_stops_no_other_product(client, places):
    Location.objects.default()
    stuck, free = StockLevelFactory(on_hand=7), StockLevelFactory(on_hand=7)
    places(1)
    with ThreadPoolExecutor(1) as threads:
        with held(stuck):
            waits = threads.submit(in_a_thread, sell, client, stuck)
            wait_until(somebody_waits_for_a_lock)
            refused, sold = sell(client, stuck), sell(client, free)
        assert waits.result().status_code == 200
    assert (refused.status_code, refused["Retry-After"]) == (503, "1")
    assert refused.json()["errors"][0]["code"] == "service_unavailable"
    assert sold.status_code == 200
    assert [the_ledger_is_whole(level) for level in (stuck, free)] == [True, True]
    assert (stuck.on_hand, free.on_hand) == (6, 6)


def test_without_the_bound_everybody_waits_for_it(client, places, monkeypatch):
    """Negative control: the refusal above is the bound's, not the lock's."""
    Location.objects.default()
    stuck = StockLevelFactory(on_hand=7)
    places(2)
    each_by_itself(monkeypatch)
    with ThreadPoolExecutor(2) as threads:
        with held(stuck):
            waiting = [threads.submit(in_a_thread, sell, client, stuck) for _ in range(2)]
            wait_until(lambda: waiting_for_a_lock() == 2)
        assert [one.result().status_code for one in waiting] == [200, 200]
