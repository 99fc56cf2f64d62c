"""What Prometheus is told of stock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, transaction
from django.db.models.functions import Now

from common.database import database_now
from common.observability import gauges
from inventory.models import LedgerCheck, Reservation, StockLevel
from inventory.operations import Wanted, confirm, expire_reservations, note_check, release, reserve
from inventory.queries.figures import ledger_check, open_reservations
from inventory.tasks import verify_ledger
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db


def told(families) -> dict[str, float]:
    return {
        ":".join((sample.name, *sample.labels.values())): sample.value
        for family in families
        for sample in family.samples
    }


def of_reservations() -> tuple[float, ...]:
    """Active, confirmed, overdue."""
    found = told(open_reservations())
    names = ("reservations:active", "reservations:confirmed", "reservations_overdue")
    assert set(found) == set(names)
    return tuple(found[name] for name in names)


def hold(order: str):
    held, _ = reserve(order_reference=order, lines=[Wanted(1, sku="MUG")])
    return held


@pytest.fixture
def mug():
    return StockLevelFactory(product__sku="MUG", on_hand=50)


@pytest.mark.usefixtures("mug")
def test_open_reservations_are_counted_by_status_and_those_past_their_time():
    assert of_reservations() == (0, 0, 0)
    first, second, third, last = (hold(order) for order in "1234")
    confirm(reservation_id=first.pk)
    release(reservation_id=second.pk)
    assert of_reservations() == (2, 1, 0)
    Reservation.objects.filter(pk=third.pk).update(expires_at=Now() - timedelta(seconds=1))
    assert of_reservations() == (2, 1, 1)
    expire_reservations(limit=10)
    assert of_reservations() == (1, 1, 0)
    assert Reservation.objects.get(pk=last.pk).status == "active"


@pytest.mark.usefixtures("mug")
def test_where_there_are_more_than_are_counted_it_is_no_less_than_that(monkeypatch):
    monkeypatch.setattr(gauges, "MOST_COUNTED", 3)
    for order in "12345":
        hold(order)
    Reservation.objects.update(expires_at=Now() - timedelta(seconds=1))
    active, confirmed, overdue = of_reservations()
    assert (confirmed, overdue) == (0, 3)
    assert active >= 3


def test_before_the_first_check_nothing_is_told_of_the_ledger():
    assert told(ledger_check()) == {}


def test_what_the_nightly_check_found_is_told_until_the_next_one_finds_nothing(mug):
    before = database_now().timestamp()
    StockLevel.objects.filter(pk=mug.pk).update(on_hand=49)
    assert verify_ledger() == 1
    found = told(ledger_check())
    assert found["ledger_differences"] == 1
    assert found["ledger_checked_timestamp_seconds"] > before
    StockLevel.objects.filter(pk=mug.pk).update(on_hand=50)
    assert verify_ledger() == 0
    again = told(ledger_check())
    assert again["ledger_differences"] == 0
    assert again["ledger_checked_timestamp_seconds"] > found["ledger_checked_timestamp_seconds"]
    assert LedgerCheck.objects.count() == 1


def test_a_check_by_hand_counts_as_well(mug):
    StockLevel.objects.filter(pk=mug.pk).update(on_hand=49)
    with pytest.raises(CommandError):
        call_command("verify_stock", verbosity=0)
    assert told(ledger_check())["ledger_differences"] == 1
    StockLevel.objects.filter(pk=mug.pk).update(on_hand=50)
    call_command("verify_stock", verbosity=0)
    assert told(ledger_check())["ledger_differences"] == 0


@pytest.mark.usefixtures("mug")
def test_a_copy_that_can_only_be_read_is_checked_all_the_same():
    note_check(differences=7)
    before = transaction.savepoint()
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL transaction_read_only = on")
    call_command("verify_stock", verbosity=0)
    transaction.savepoint_rollback(before)
    assert told(ledger_check())["ledger_differences"] == 7
