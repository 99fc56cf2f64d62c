"""The summary of the ledger by days: what is in it, and that it can be made anew at any time."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from io import StringIO
from zoneinfo import ZoneInfo

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from inventory import verification
from inventory.models import StockDay, StockMovement
from inventory.models.days import day_of, start_of
from inventory.operations import adjust_stock, open_inventory, summarise_days
from inventory.operations.days import SETTLING
from inventory.rules import Change
from inventory.tasks import summarise_days as task
from inventory.verification import verify
from tests.factories import ProductFactory, StockLevelFactory
from tests.inventory.days import day, moved, stocked, summary
from tests.racing import race

pytestmark = pytest.mark.django_db


def everything():
    return sorted(
        StockDay.objects.values_list("stock_level", "day", "reason", "units", "movements")
    )


def test_each_level_day_and_reason_is_one_row():
    level = stocked(5, 20)
    moved(level, 5, -2, "sale", minutes=1)
    moved(level, 5, -3, "sale", minutes=2)
    moved(level, 3, 4)
    other = stocked(3, 7)
    summarise_days()
    assert summary(level) == [
        (day(5), "receipt", 20, 1),
        (day(5), "sale", -5, 2),
        (day(3), "receipt", 4, 1),
    ]
    assert summary(other) == [(day(3), "receipt", 7, 1)]


def test_a_day_that_is_not_over_is_not_in_it():
    level = stocked(1, 20)
    adjust_stock(changes=[Change(level.product_id, delta=-1)])
    summarise_days()
    assert summary(level) == [(day(1), "receipt", 20, 1)]
    assert StockDay.objects.summarised_until() == day(1)


def test_a_day_settles_before_it_is_summed_up(monkeypatch):
    level = stocked(1, 20)
    monkeypatch.setattr("inventory.operations.days.SETTLING", timedelta(days=1, minutes=5))
    assert summarise_days() == 0
    assert summary(level) == []


def test_a_second_run_changes_nothing_and_looks_at_the_last_two_days_alone():
    level = stocked(40, 20)
    moved(level, 1, -1)
    assert summarise_days() == 40
    before = everything()
    written = _versions()
    assert summarise_days() == 2
    assert everything() == before
    assert _versions() == written


def _versions():
    """By which transaction each row was written."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT xmin::text, ctid::text FROM inventory_stockday ORDER BY 2")
        return cursor.fetchall()


def test_what_is_committed_late_is_found_by_the_next_runs():
    level = stocked(9, 20)
    moved(level, 1, -1)
    summarise_days()
    moved(level, 1, -4, minutes=9)
    summarise_days()
    assert summary(level)[-1] == (day(1), "sale", -5, 2)


def test_history_that_is_written_afterwards_is_summed_up_when_asked_for():
    moved(stocked(20, 20), 1, -1)
    summarise_days()
    late = stocked(15, 9)
    moved(late, 12, -3)
    summarise_days()
    assert summary(late) == []
    summarise_days(since=day(15))
    assert summary(late) == [(day(15), "receipt", 9, 1), (day(12), "sale", -3, 1)]


def test_it_can_be_made_anew_from_the_ledger():
    for number in range(4):
        level = stocked(30 + number, 50)
        for days_ago in range(25, 0, -number - 1):
            moved(level, days_ago, -1, "damage" if days_ago % 2 else "sale")
    summarise_days()
    before = everything()
    assert len(before) > 40
    StockDay.objects.all().delete()
    summarise_days()
    assert everything() == before


def test_rows_that_say_something_else_than_the_ledger_are_put_right():
    level = stocked(30, 20)
    summarise_days()
    right = everything()
    StockDay.objects.update(units=1, movements=9)
    StockDay.objects.create(stock_level=level, day=day(30), reason="damage", units=-1, movements=1)
    summarise_days(since=day(30))
    assert everything() == right


def test_a_run_that_is_cut_short_goes_on_where_it_ended(monkeypatch):
    from inventory.operations import days

    level = stocked(6, 20)
    for days_ago in (5, 3, 1):
        moved(level, days_ago, -1)
    done = days._summarise

    def until_three_days_ago(*, day: date):
        assert day < day_three
        done(day=day)

    day_three = day(3)
    monkeypatch.setattr(days, "_summarise", until_three_days_ago)
    with pytest.raises(AssertionError):
        summarise_days()
    assert StockDay.objects.summarised_until() == day(5)
    monkeypatch.undo()
    summarise_days()
    assert [row[0] for row in summary(level)] == [day(6), day(5), day(3), day(1)]


def test_without_any_movement_there_is_nothing_to_do():
    StockLevelFactory()
    assert summarise_days() == 0
    assert summarise_days(since=day(9)) == 0
    assert StockDay.objects.summarised_until() is None


def test_the_task_takes_what_a_newer_publisher_sends_and_says_how_many_days_it_did():
    stocked(3, 5)
    assert task(unknown=1) == 3
    assert StockDay.objects.get().units == 5


# Days of TIME_ZONE


@pytest.fixture
def in_auckland(settings):
    settings.TIME_ZONE = "Pacific/Auckland"
    timezone.get_default_timezone.cache_clear()
    yield
    timezone.get_default_timezone.cache_clear()


def test_days_are_those_of_time_zone_also_for_a_reader_elsewhere(in_auckland):
    late_on_monday = datetime(2024, 5, 6, 11, 59, tzinfo=UTC)
    product = ProductFactory()
    open_inventory(product_id=product.pk, quantity=5, at=late_on_monday)
    adjust_stock(changes=[Change(product.pk, delta=-1)], at=late_on_monday + timedelta(minutes=1))
    with timezone.override(ZoneInfo("America/New_York")):
        summarise_days(since=date(2024, 5, 1))
    rows = StockDay.objects.order_by("day").values_list("day", "units")
    assert list(rows) == [(date(2024, 5, 6), 5), (date(2024, 5, 7), -1)]


def test_a_day_has_as_many_hours_as_it_has(in_auckland):
    spring_forward = date(2024, 9, 29)
    end = start_of(date(2024, 9, 30))
    assert end.timestamp() - start_of(spring_forward).timestamp() == 23 * 3_600
    assert day_of(start_of(spring_forward)) == spring_forward
    assert day_of(start_of(spring_forward) - timedelta(seconds=1)) == date(2024, 9, 28)


# At the same time


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_at_once_write_the_same_rows():
    for _ in range(3):
        level = stocked(8, 30)
        for days_ago in range(7, 0, -1):
            moved(level, days_ago, -1)
    outcomes = race(lambda _: summarise_days(), workers=3)
    assert all(isinstance(outcome, int) for outcome in outcomes), outcomes
    assert StockDay.objects.count() == 3 * 8
    assert sum(StockDay.objects.values_list("movements", flat=True)) == (
        StockMovement.objects.count()
    )


def test_the_settling_time_is_shorter_than_the_schedule_leaves():
    """The task comes ten minutes past every hour."""
    assert timedelta(0) < SETTLING < timedelta(minutes=10)


# Compared with the ledger


def differences():
    return [
        (found.id, found.sku, found.location, found.figure, found.expected, found.found)
        for step in verify()
        for found in step.differences
    ]


@pytest.fixture
def mugs():
    level = stocked(6, 20, sku="MUG")
    moved(level, 4, -3, "sale", minutes=1)
    moved(level, 4, -2, "sale", minutes=2)
    moved(level, 1, -1, "damage")
    stocked(4, 5)
    summarise_days()
    return level


@pytest.fixture(params=[1, 2, 1_000], ids="{}_at_once".format)
def at_once(request, monkeypatch):
    monkeypatch.setattr(verification.days, "DIFFERENCES_AT_ONCE", request.param)


@pytest.mark.usefixtures("mugs")
def test_a_summary_that_was_just_made_is_right_and_what_came_since_is_no_part_of_it():
    StockLevelFactory(on_hand=4)
    assert differences() == []


def test_what_the_summary_says_wrongly_lacks_or_made_up_is_told(mugs, at_once):
    rows = StockDay.objects.filter(stock_level=mugs)
    rows.filter(day=day(6)).update(units=19)
    rows.filter(day=day(4)).delete()
    StockDay.objects.create(stock_level=mugs, day=day(4), reason="damage", units=-1, movements=1)
    named = (mugs.pk, "MUG", "main")
    assert differences() == [
        (*named, f"receipt on {day(6)}", "20 units in 1 movements", "19 units in 1 movements"),
        (*named, f"damage on {day(4)}", "nothing", "-1 units in 1 movements"),
        (*named, f"sale on {day(4)}", "-5 units in 2 movements", "nothing"),
    ]
    summarise_days(since=day(6))
    assert differences() == []


def test_history_that_was_written_before_the_summary_begins_is_told(mugs):
    early = stocked(9, 4, sku="EARLY")
    assert [row[1:4] for row in differences()] == [("EARLY", "main", f"receipt on {day(9)}")]
    summarise_days(since=day(9))
    assert differences() == []
    assert summary(early)


def test_without_a_summary_nothing_is_compared():
    moved(stocked(6, 20), 4, -3)
    assert differences() == []


def test_the_command_makes_it_anew_from_a_day_on(mugs):
    right = everything()
    StockDay.objects.filter(day=day(6)).update(units=1)
    said = StringIO()
    call_command("summarise_days", stdout=said)
    assert everything() != right
    call_command("summarise_days", since=day(6), stdout=said)
    assert everything() == right
    assert said.getvalue() == "2 days were summed up.\n6 days were summed up.\n"
