"""Many changes in one request, several such requests at once, and customers beside them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from functools import partial
from threading import Barrier

import pytest
from django.db import Error, OperationalError, connection

from common.bulkhead import TooManyWait
from common.observability.context import acting_as, current
from inventory.errors import LinesRefused, StaleQuantity
from inventory.models import Location, StockLevel, StockMovement
from inventory.operations import Line, adjust_lines, adjust_stock, adjusting, rehearse_lines
from inventory.operations.drafts import Draft
from inventory.querysets import StockLevelQuerySet
from inventory.rules import Change
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.adjustments import adjust, all_is_well, errors, on_hand, results
from tests.inventory.test_races import held
from tests.inventory.test_sold_together import patient_options
from tests.racing import in_a_thread, race, waiting_for_a_lock
from tests.waiting import wait_until

pytestmark = [pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

WORKERS = 6


@pytest.fixture
def levels() -> list[StockLevel]:
    Location.objects.default()
    return [StockLevelFactory(on_hand=100) for _ in range(5)]


@pytest.fixture
def conflicts(monkeypatch) -> list[Error]:
    """Deadlocks and the like, which are not tried again here."""
    found: list[Error] = []
    monkeypatch.setattr("common.database.is_conflict", found.append)
    return found


@pytest.fixture
def patience(monkeypatch):
    """However busy the machine is, nobody is refused before all are there."""
    monkeypatch.setattr("common.bulkhead.lock_queue.patience", 30)
    monkeypatch.setitem(connection.settings_dict, "OPTIONS", patient_options())


def take_from(levels: list[StockLevel], number: int) -> object:
    """One unit of each, in an order of one's own."""
    order = levels if number % 2 else levels[::-1]
    with acting_as(f"worker {number % 2}"):
        return adjust_lines(lines=[Line(product_id=one.product_id, delta=-1) for one in order])


def test_lines_in_opposite_orders_make_nobody_wait_in_a_circle(levels, conflicts):
    outcomes = race(partial(take_from, levels), WORKERS)
    assert conflicts == []
    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert set(on_hand().values()) == {100 - WORKERS}
    assert all_is_well()


@pytest.mark.slow
def test_locked_in_the_order_of_the_lines_they_would(levels, conflicts, monkeypatch):
    """Negative control: PostgreSQL ends the circle after a second."""
    both_have_one = Barrier(2, timeout=10)

    def one_by_one(product_ids):
        order = sorted(product_ids, reverse=current().actor == "worker 1")
        first = Draft([*StockLevel.objects.for_products(order[:1]).locked()])
        both_have_one.wait()
        list(StockLevel.objects.for_products(order[1:]).locked())
        return first

    monkeypatch.setattr(Draft, "locked", one_by_one)
    race(partial(take_from, levels[:2]), 2)
    assert len(conflicts) == 1
    assert "deadlock" in str(conflicts[0])


@pytest.mark.slow
def test_sales_beside_them_are_all_counted(levels):
    def act(number):
        if number % 2:
            change = Change(product_id=levels[0].product_id, delta=-1)
            return adjust_stock(changes=[change])
        return take_from(levels, number)

    outcomes = race(act, WORKERS)
    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert sorted(on_hand().values()) == [94, 97, 97, 97, 97]
    assert all_is_well()


def seen(level: StockLevel) -> list[Line]:
    """A sale of all there is, at the version that a dry run told."""
    line = Line(product_id=level.product_id, delta=-100)
    (rehearsed,) = rehearse_lines(lines=[line])
    assert rehearsed.before is not None
    version = rehearsed.before.version
    return [Line(product_id=level.product_id, delta=1, expected_version=version)]


def stale(outcomes: list) -> int:
    refused = [one for one in outcomes if isinstance(one, LinesRefused)]
    return sum(isinstance(one.problems[0], StaleQuantity) for one in refused)


def test_a_dry_run_comes_true_for_one_of_all_who_saw_the_same(levels):
    lines = seen(levels[0])
    outcomes = race(lambda _: adjust_lines(lines=lines), WORKERS)
    assert sum(isinstance(one, list) for one in outcomes) == 1
    assert stale(outcomes) == WORKERS - 1
    assert all_is_well()


def test_without_the_lock_it_comes_true_for_whoever_read_in_time(levels, monkeypatch):
    """Negative control: none of them is told; only the ledger's key stops some."""
    lines = seen(levels[0])
    monkeypatch.setattr(StockLevelQuerySet, "locked", lambda rows: rows.order_by("pk"))
    everyone_has_read = Barrier(4, timeout=10)
    decided = adjusting._decided

    def decided_late(*args):
        found = decided(*args)
        everyone_has_read.wait()
        return found

    monkeypatch.setattr(adjusting, "_decided", decided_late)
    assert stale(race(lambda _: adjust_lines(lines=lines), 4)) == 0


def both_bring_the_first_units(level: StockLevel) -> list:
    """To the same new place; both wait for the product when one of them makes the level."""
    LocationFactory(code="attic")
    line = Line(product_id=level.product_id, delta=2, location="attic")
    with ThreadPoolExecutor(2) as threads:
        with held(level):
            asked = [threads.submit(in_a_thread, adjust_lines, lines=[line]) for _ in range(2)]
            wait_until(lambda: waiting_for_a_lock() == 2)
        return [one.exception() or one.result() for one in asked]


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
def test_a_level_that_somebody_made_meanwhile_is_found(levels):
    outcomes = both_bring_the_first_units(levels[0])
    assert sorted(one[0].before.on_hand for one in outcomes) == [0, 2]
    assert on_hand()[levels[0].product.sku, "attic"] == 4
    assert all_is_well()


@pytest.mark.slow
@pytest.mark.usefixtures("patience")
def test_who_does_not_look_again_is_sent_away_before_anything_is_written(levels, monkeypatch):
    """Negative control, and what is left for a level that nothing else announces."""
    monkeypatch.setattr(Draft, "held", lambda draft, rows: rows.none())
    outcomes = both_bring_the_first_units(levels[0])
    assert sum(isinstance(one, TooManyWait) for one in outcomes) == 1
    assert on_hand()[levels[0].product.sku, "attic"] == 2
    assert all_is_well()


@pytest.mark.slow
def test_a_location_that_is_deleted_meanwhile_is_not_found(client, levels, monkeypatch):
    attic = LocationFactory(code="attic")
    lacks = Draft._lacks

    def too_late(draft, change):
        Location.objects.filter(pk=attic.pk).delete()
        return lacks(draft, change)

    monkeypatch.setattr(Draft, "_lacks", too_late)
    sku = levels[0].product.sku
    found = adjust(client, {"sku": sku, "location": "attic", "quantity_delta": 1})
    assert errors(found) == [("404", "not_found", "/lines/0/location")]
    assert all_is_well()


@pytest.mark.slow
def test_a_session_that_ends_in_the_middle_changes_nothing_and_may_be_asked_again(
    client, levels, monkeypatch
):
    lines = [{"sku": level.product.sku, "quantity_delta": -1} for level in levels]
    moved = StockMovement.objects.count()
    with monkeypatch.context() as patch, connection.cursor() as cursor:
        own = adjusting._decided

        def killed(*args):
            own(*args)
            cursor.execute("SELECT pg_terminate_backend(pg_backend_pid())")

        patch.setattr(adjusting, "_decided", killed)
        assert adjust(client, *lines, key="K").status_code == 503
    connection.close()
    assert StockMovement.objects.count() == moved
    for _ in range(2):
        assert len(results(adjust(client, *lines, key="K"))) == len(levels)
    assert set(on_hand().values()) == {99}
    assert all_is_well()


@pytest.mark.slow
def test_whoever_holds_one_of_the_products_for_long_is_a_503_and_nothing_is_changed(client, levels):
    lines = [{"sku": level.product.sku, "quantity_delta": -1} for level in levels]
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '50ms'")
    with held(levels[-1]):
        refused = adjust(client, *lines)
    assert (refused.status_code, refused["Retry-After"]) == (503, "1")
    assert set(on_hand().values()) == {100}
    with pytest.raises(OperationalError), held(levels[-1]):
        adjust_lines(lines=[Line(product_id=levels[-1].product_id, delta=1)])
