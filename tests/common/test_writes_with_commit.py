"""Writes whose answer nobody needs go out with the commit, and are no less safe for it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Barrier, Event

import pytest
from django.db import IntegrityError, connection, transaction

from common.database import in_transaction, one_round_trip, write
from inventory.models import Location
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture
from tests.common.wire import watched
from tests.factories import LocationFactory
from tests.metrics import moving
from tests.racing import in_a_thread

pytestmark = pytest.mark.django_db(transaction=True)

RENAME = "UPDATE inventory_location SET name = %s WHERE code = %s"
NAME = "SELECT name FROM inventory_location WHERE code = %s"
BROKEN = "UPDATE inventory_location SET code = %s"  # which would not be unique


@pytest.fixture(autouse=True)
def places():
    LocationFactory(code="north", name="North")
    LocationFactory(code="south", name="South")
    connection.ensure_connection()


def rename(code: str, name: str) -> None:
    write(RENAME, [name, code])


def name_of(code: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute(NAME, [code])
        return cursor.fetchone()[0]


def names() -> dict[str, str]:
    return dict(Location.objects.filter(code__in=["north", "south"]).values_list("code", "name"))


class TestTogether:
    def test_all_of_them_and_the_commit_are_one_round_trip(self):
        @in_transaction
        def operate():
            name_of("north")
            rename("north", "Up 100% 'quoted'; --")
            rename("south", "Down")

        with watched() as wire:
            operate()
        assert wire.statements == 5
        assert wire.round_trips == 3  # BEGIN, the look, the rest
        assert names() == {"north": "Up 100% 'quoted'; --", "south": "Down"}

    def test_what_a_cursor_executes_is_not(self):
        """The negative control: each takes a round trip, and so does the commit."""

        @in_transaction
        def operate():
            name_of("north")
            for code in ("north", "south"):
                with connection.cursor() as cursor:
                    cursor.execute(RENAME, ["Elsewhere", code])

        with watched() as wire:
            operate()
        assert wire.round_trips == 5

    def test_other_sessions_see_all_of_it_afterwards(self):
        in_transaction(lambda: rename("north", "Up"))()
        with ThreadPoolExecutor(1) as threads:
            assert threads.submit(in_a_thread, name_of, "north").result() == "Up"

    def test_a_later_statement_sees_them(self):
        @in_transaction
        def operate():
            rename("north", "Up")
            return name_of("north")

        assert operate() == "Up"

    def test_so_does_one_of_those_that_are_sent_together(self):
        @in_transaction
        def operate():
            rename("north", "Up")
            with connection.cursor() as cursor:
                with one_round_trip():
                    cursor.execute(NAME, ["north"])
                return cursor.fetchone()

        assert operate() == ("Up",)

    def test_they_are_counted_as_a_transaction_and_its_statements(self):
        @in_transaction
        def operate():
            rename("north", "Up")
            rename("south", "Down")

        with moving() as moved:
            operate()
        assert moved("django_db_execute_total") == 2
        assert moved("database_transaction_duration_seconds_count", outcome="committed") == 1


class TestElsewhere:
    def test_in_a_transaction_of_somebody_else_they_go_at_once(self):
        with transaction.atomic():
            with watched() as wire:
                in_transaction(lambda: rename("north", "Up"))()
            assert wire.statements == 2, "BEGIN, and what is to be written"

    def test_without_a_transaction_too(self):
        rename("north", "Up")
        assert names()["north"] == "Up"

    def test_after_an_operation_they_go_at_once_again(self):
        in_transaction(lambda: rename("north", "Up"))()
        with transaction.atomic(), watched() as wire:
            rename("south", "Down")
        assert wire.statements == 2, "BEGIN, and what is to be written"


class TestFailures:
    def test_an_error_reaches_the_caller_and_rolls_everything_back(self):
        @in_transaction
        def operate():
            with connection.cursor() as cursor:
                cursor.execute(RENAME, ["Up", "north"])
            rename("south", "Down")
            write(BROKEN, ["same"])
            rename("north", "Never")

        with moving() as moved, pytest.raises(IntegrityError) as failure:
            operate()
        assert type(failure.value.__cause__).__name__ == "UniqueViolation"
        assert names() == {"north": "North", "south": "South"}
        assert moved("database_transaction_duration_seconds_count", outcome="rolled_back") == 1
        assert moved("database_transaction_duration_seconds_count", outcome="committed") == 0
        assert moved("django_db_errors_total", type="UniqueViolation") == 1

    def test_what_happens_only_after_the_commit_does_not_happen(self):
        happened = []

        @in_transaction
        def operate():
            transaction.on_commit(lambda: happened.append(True))
            write(BROKEN, ["same"])

        with pytest.raises(IntegrityError):
            operate()
        assert happened == []

    def test_nothing_that_failed_is_sent_by_the_next_transaction(self):
        @in_transaction
        def give_up():
            rename("north", "Up")
            raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            give_up()
        in_transaction(lambda: rename("south", "Down"))()
        with transaction.atomic():
            assert name_of("north") == "North"
        assert names() == {"north": "North", "south": "Down"}

    def test_nor_by_the_next_connection(self):
        @in_transaction
        def lose_it():
            rename("north", "Up")
            connection.close()

        lose_it()
        in_transaction(lambda: rename("south", "Down"))()
        assert names() == {"north": "North", "south": "Down"}

    def test_a_savepoint_that_is_rolled_back_takes_its_own_away_and_nothing_else(self):
        @in_transaction
        def operate():
            rename("north", "Up")
            with suppress(ZeroDivisionError), transaction.atomic():
                rename("south", "Down")
                raise ZeroDivisionError

        operate()
        assert names() == {"north": "Up", "south": "South"}

    def test_one_that_is_kept_keeps_it(self):
        @in_transaction
        def operate():
            with transaction.atomic():
                rename("south", "Down")
            rename("north", "Up")

        operate()
        assert names() == {"north": "Up", "south": "Down"}

    @pytest.mark.concurrency
    @pytest.mark.slow
    def test_a_deadlock_that_they_end_in_is_done_again(self):
        """The lock that the commit's statements need is held by one that waits for ours."""
        both_hold_one = Barrier(2, timeout=10)
        attempts, one_is_done = [], Event()

        @in_transaction
        def operate(first, second):
            attempts.append(first)
            if len(attempts) > 2:
                assert one_is_done.wait(10)
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL lock_timeout = '30s'")
                cursor.execute(RENAME, [f"{first} first", first])
            if not one_is_done.is_set():
                both_hold_one.wait()
            rename(second, f"{first} second")

        def work(*pair):
            operate(*pair)
            one_is_done.set()

        with ThreadPoolExecutor(2) as threads:
            pairs = [("north", "south"), ("south", "north")]
            done = [threads.submit(in_a_thread, work, *pair) for pair in pairs]
            for one in done:
                one.result(30)
        assert len(attempts) == 3
        last = attempts[-1]
        other = {"north": "south", "south": "north"}[last]
        assert names() == {last: f"{last} first", other: f"{last} second"}


def test_a_slow_one_is_logged_with_placeholders_and_never_with_data(log_lines, settings):  # noqa: F811
    settings.SLOW_QUERY_MS = 50

    @in_transaction
    def operate():
        write("SELECT pg_sleep(0.06), %s", ["a secret"])
        rename("north", "another secret")

    log_lines()
    operate()
    (line,) = [one for one in log_lines() if one["event"] == "slow_query"]
    assert line["sql"] == f"SELECT pg_sleep(0.06), %s; {RENAME}"
    assert "secret" not in json.dumps(line)
