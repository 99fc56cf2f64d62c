"""What is counted, timed and logged of statements, transactions and connections."""

from __future__ import annotations

import gc
import json

import pytest
from django.db import Error, OperationalError, connection, transaction

from common.database import one_round_trip
from common.observability.context import acting_as
from inventory import operations
from inventory.rules import Change
from tests.factories import LocationFactory, StockLevelFactory
from tests.metrics import moving

pytestmark = pytest.mark.slow

STATEMENTS = "django_db_execute_total"


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    NAME = "database_transaction_duration_seconds_count"

    def test_what_is_committed(self):
        level = StockLevelFactory(on_hand=2)
        with moving() as moved:
            operations.adjust_stock(changes=[Change(product_id=level.product_id, delta=-1)])
        assert moved(self.NAME, outcome="committed") == moved(self.NAME) == 1
        assert moved("stock_lock_wait_seconds_count") == 1

    def test_what_is_rolled_back(self):
        with moving() as moved, pytest.raises(ZeroDivisionError), transaction.atomic():
            raise ZeroDivisionError
        assert moved(self.NAME, outcome="rolled_back") == moved(self.NAME) == 1

    def test_what_a_lost_connection_ends(self):
        with moving() as moved, pytest.raises(OperationalError), transaction.atomic():
            connection.cursor().execute("SELECT pg_terminate_backend(pg_backend_pid())")
        assert moved(self.NAME, outcome="rolled_back") == moved(self.NAME) == 1

    def test_a_savepoint_is_none(self):
        with moving() as moved, transaction.atomic(), transaction.atomic():
            LocationFactory()
        assert moved(self.NAME) == 1

    def test_a_wait_that_was_given_up_is_a_wait(self):
        level = StockLevelFactory(on_hand=2)
        holder = connection.copy()
        try:
            holder.set_autocommit(False)
            with holder.cursor() as cursor:
                cursor.execute("SELECT FROM inventory_stocklevel FOR UPDATE")
            with moving() as moved, pytest.raises(OperationalError):
                operations.adjust_stock(changes=[Change(product_id=level.product_id, delta=-1)])
        finally:
            holder.close()
        assert moved("stock_lock_wait_seconds_count") == 1
        assert moved("stock_lock_wait_seconds_sum") > 0.5


@pytest.mark.django_db
class TestStatements:
    def test_each_is_counted_and_timed(self):
        with moving() as moved, connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        assert moved(STATEMENTS, alias="default", vendor="postgresql") == 1
        assert moved("django_db_query_duration_seconds_count") == 1

    def test_many_at_once_are_many(self):
        with moving() as moved, connection.cursor() as cursor:
            cursor.executemany("SELECT %s", [[1], [2], [3]])
        assert moved(STATEMENTS) == moved("django_db_execute_many_total") == 3

    def test_what_is_sent_together_is_answered_once(self):
        with moving() as moved, connection.cursor() as cursor, one_round_trip():
            cursor.execute("SELECT pg_sleep(0.05)")
            cursor.execute("SELECT 2")
        assert moved(STATEMENTS) == 2
        assert moved("django_db_query_duration_seconds_count") == 1
        assert moved("django_db_query_duration_seconds_sum") >= 0.05

    def test_errors_by_the_drivers_name(self):
        for block in (transaction.atomic, one_round_trip):
            with moving() as moved, pytest.raises(Error), transaction.atomic(), block():
                connection.cursor().execute("SELECT 1 / 0")
            assert moved("django_db_errors_total", type="DivisionByZero") == 1
            assert moved("django_db_errors_total") == 1


@pytest.mark.django_db
class TestConnections:
    NAME = "database_connections_open"

    def test_each_until_it_is_closed(self):
        with moving() as moved:
            one, other = connection.copy(), connection.copy()
            one.ensure_connection()
            other.ensure_connection()
            other.ensure_connection()
        assert moved(self.NAME) == moved("django_db_new_connections_total") == 2
        with moving() as moved:
            one.close()
            one.close()
            other.close()
        assert moved(self.NAME) == -2

    def test_one_that_is_forgotten_too(self):
        with moving() as moved:
            one = connection.copy()
            one.ensure_connection()
            one.connection.close()  # without Django, as when its thread ends
            del one
            gc.collect()
        assert moved("django_db_new_connections_total") == 1
        assert moved(self.NAME) == 0

    def test_one_that_cannot_be_had(self):
        lost = connection.copy()
        lost.settings_dict = lost.settings_dict | {"NAME": "there_is_none_of_this_name"}
        with moving() as moved, pytest.raises(OperationalError):
            lost.ensure_connection()
        assert moved("django_db_new_connection_errors_total") == 1
        assert moved(self.NAME) == 0


# Slow statements


@pytest.mark.django_db
class TestSlowStatements:
    SLOW = "SELECT pg_sleep(0.06),\n  %s"

    @pytest.fixture
    def slow(self, log_lines, settings):
        settings.SLOW_QUERY_MS = 50

        def read():
            return [line for line in log_lines() if line["event"] == "slow_query"]

        return read

    def run(self, sql=SLOW):
        with connection.cursor() as cursor:
            cursor.execute(sql, ["a secret"])

    def test_one_is_logged_with_its_request_and_without_data(self, slow):
        with moving() as moved, acting_as("shop", "request-1"):
            self.run()
        (line,) = slow()
        assert line["request_id"] == "request-1"
        assert line["sql"] == "SELECT pg_sleep(0.06), %s"
        assert 60 <= line["duration_ms"] < 5_000
        assert "secret" not in json.dumps(line)
        assert moved("slow_queries_total") == 1

    def test_a_quick_one_is_not(self, slow):
        with moving() as moved:
            self.run("SELECT %s")
        assert slow() == []
        assert moved("slow_queries_total") == 0

    def test_none_is_when_nobody_wants_it(self, slow, settings):
        settings.SLOW_QUERY_MS = 0
        self.run()
        assert slow() == []

    def test_one_that_failed_is_too(self, slow):
        with pytest.raises(Error), transaction.atomic():
            self.run("SELECT pg_sleep(0.06), 1 / (random() * 0)::int, %s")
        assert len(slow()) == 1

    def test_those_that_were_sent_together_are_told_together(self, slow):
        with one_round_trip():
            self.run()
            self.run("SELECT %s AS other")
        (line,) = slow()
        assert line["sql"] == "SELECT pg_sleep(0.06), %s; SELECT %s AS other"

    def test_a_long_one_is_cut(self, slow):
        self.run(f"SELECT pg_sleep(0.06), %s AS {'a' * 60}, {'1, ' * 1_000} 1")
        (line,) = slow()
        assert len(line["sql"]) == 500
