"""Answers are kept for a day, and then they go."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from common.idempotency import tasks
from common.idempotency.models import IdempotencyRecord
from common.idempotency.sweeping import KEPT_FOR, sweep_records
from tests.racing import race

MINUTE = timedelta(minutes=1)


def keep_answers(*ages: timedelta) -> list[IdempotencyRecord]:
    """Records that were made so long ago by the database's clock."""
    return IdempotencyRecord.objects.bulk_create(
        IdempotencyRecord(
            client="shop",
            method="POST",
            path="/api/v1/products",
            key=str(number),
            fingerprint=b"",
            status=201,
            body=b"{}",
            created_at=Now() - age,
        )
        for number, age in enumerate(ages)
    )


def kept() -> set[str]:
    return set(IdempotencyRecord.objects.values_list("key", flat=True))


@pytest.mark.django_db
def test_what_is_older_than_a_day_goes_and_the_rest_stays():
    keep_answers(KEPT_FOR + MINUTE, KEPT_FOR - MINUTE, timedelta(0))
    assert sweep_records(limit=10) == 1
    assert kept() == {"1", "2"}


@pytest.mark.django_db
def test_the_oldest_go_first_and_no_more_than_the_limit():
    keep_answers(2 * KEPT_FOR, 4 * KEPT_FOR, 3 * KEPT_FOR)
    assert sweep_records(limit=2) == 2
    assert kept() == {"0"}


@pytest.mark.django_db
def test_looking_for_old_records_is_no_walk_over_all_of_them():
    """The clock must be one that an index can be asked with; clock_timestamp() is not."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        sweep_records(limit=10)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Cond: (created_at <" in plan


@pytest.mark.django_db(transaction=True)
def test_the_task_goes_on_until_none_are_left_one_transaction_for_each_batch(monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    keep_answers(*[2 * KEPT_FOR] * 5, timedelta(0))
    with CaptureQueriesContext(connection) as queries:
        assert tasks.sweep_idempotency_records(added_by_a_newer_release=1) == 5
    assert kept() == {"5"}
    statements = [query["sql"] for query in queries]
    assert [statements.count(word) for word in ("BEGIN", "COMMIT")] == [4, 4]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_sweeper_passes_by_what_another_one_holds():
    first, _ = keep_answers(2 * KEPT_FOR, 2 * KEPT_FOR)
    is_held, is_swept = Event(), Event()

    def hold_or_sweep(number: int) -> int:
        if number:
            assert is_held.wait(timeout=10)
            try:
                return sweep_records(limit=10)
            finally:
                is_swept.set()
        with transaction.atomic():
            IdempotencyRecord.objects.select_for_update().get(pk=first.pk)
            is_held.set()
            assert is_swept.wait(timeout=10)
        return 0

    assert race(hold_or_sweep, workers=2) == [0, 1]
    assert kept() == {"0"}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_sweepers_side_by_side_share_the_work():
    keep_answers(*[2 * KEPT_FOR] * 500)
    counts = race(lambda _: int(tasks.sweep_idempotency_records()), workers=4)
    assert sum(count for count in counts if isinstance(count, int)) == 500
    assert not kept()
