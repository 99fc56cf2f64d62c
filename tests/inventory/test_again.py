"""A transaction that PostgreSQL rolled back for another's sake is run again, whole, and once."""

from __future__ import annotations

from threading import Barrier

import pytest
from django.db import OperationalError, connection

from common import database
from common.database import in_transaction, is_conflict
from common.events.models import Event
from common.idempotency.models import IdempotencyRecord
from inventory.models import StockLevel, StockMovement
from tests.api_client import JSON
from tests.factories import StockLevelFactory
from tests.racing import race

pytestmark = [pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

CONFLICTS = {"deadlock": "40P01", "serialization": "40001"}


@pytest.fixture(params=list(CONFLICTS.values()), ids=list(CONFLICTS))
def conflicts(request):
    """Let PostgreSQL end the first so many transactions that write a movement."""

    def first(number):
        cursor.execute("CREATE SEQUENCE attempts")  # it counts on through every rollback
        cursor.execute(
            "CREATE FUNCTION be_in_the_way() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
            f" IF nextval('attempts') <= {number} THEN"
            f" RAISE EXCEPTION 'in the way' USING ERRCODE = '{request.param}'; END IF;"
            " RETURN NEW; END $$"
        )
        cursor.execute(
            "CREATE TRIGGER in_the_way AFTER INSERT ON inventory_stockmovement"
            " FOR EACH ROW EXECUTE FUNCTION be_in_the_way()"
        )

    with connection.cursor() as cursor:
        yield first
        cursor.execute("DROP FUNCTION IF EXISTS be_in_the_way() CASCADE")
        cursor.execute("DROP SEQUENCE IF EXISTS attempts")


def attempts() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SELECT last_value FROM attempts")
        (number,) = cursor.fetchone()
    return number


def take_two(client, level: StockLevel, **headers: str):
    url = f"/api/v1/inventory/{level.product_id}"
    return client.patch(url, {"quantity_delta": -2}, JSON, headers=headers)


@pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "again"}], ids=["plain", "with a key"])
@pytest.mark.parametrize("number", [1, 2])
def test_a_client_does_not_notice(client, conflicts, number, headers):
    level = StockLevelFactory(on_hand=5)
    events = Event.objects.count()
    conflicts(number)
    assert take_two(client, level, **headers).status_code == 200
    assert attempts() == number + 1
    level.refresh_from_db()
    assert level.on_hand == 3
    assert StockMovement.objects.filter(delta=-2).count() == 1
    assert Event.objects.count() == events + 1
    assert IdempotencyRecord.objects.count() == len(headers)


def test_after_the_third_time_the_client_is_to_try_again(client, conflicts):
    level = StockLevelFactory(on_hand=5)
    conflicts(3)
    refused = take_two(client, level, **{"Idempotency-Key": "again"})
    assert refused.status_code == 503
    assert int(refused["Retry-After"]) >= 1
    assert attempts() == 3
    assert not StockMovement.objects.filter(delta=-2).exists()
    accepted = take_two(client, level, **{"Idempotency-Key": "again"})
    assert accepted.status_code == 200
    level.refresh_from_db()
    assert level.on_hand == 3


def in_opposite_order(levels: list[StockLevel]):
    """An operation that locks two levels one by one: what docs/locking.md forbids."""
    both_hold_one = Barrier(2, timeout=5)
    have_met = set()

    @in_transaction
    def change(number: int) -> None:
        for level in levels if number else levels[::-1]:
            StockLevel.objects.filter(pk=level.pk).locked().get()
            if number not in have_met:
                have_met.add(number)
                both_hold_one.wait()

    return change


@pytest.mark.slow
def test_a_real_deadlock_ends_well_for_both():
    levels = [StockLevelFactory(), StockLevelFactory()]
    assert race(in_opposite_order(levels), 2) == [None, None]


@pytest.mark.slow
def test_without_a_second_attempt_it_does_not(monkeypatch):
    """Negative control."""
    monkeypatch.setattr(database, "ATTEMPTS", 1)
    levels = [StockLevelFactory(), StockLevelFactory()]
    outcomes = race(in_opposite_order(levels), 2)
    (failed,) = [outcome for outcome in outcomes if outcome is not None]
    assert isinstance(failed, OperationalError)
    assert is_conflict(failed)
