"""Messages are remembered for 90 days, and then they go."""

from __future__ import annotations

from datetime import timedelta
from threading import Event

import pytest
from django.db import connection, transaction
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from common.inbox import tasks
from common.inbox.models import InboxMessage
from common.inbox.sweeping import KEPT_FOR, sweep_messages
from tests.racing import race

MINUTE = timedelta(minutes=1)


def keep_messages(*ages: timedelta) -> list[InboxMessage]:
    """Messages that were handled so long ago by the database's clock."""
    return InboxMessage.objects.bulk_create(
        InboxMessage(
            source="/shop",
            event_id=str(number),
            type="thing.done",
            subject="it",
            occurred_at=Now(),
            handled_at=Now() - age,
        )
        for number, age in enumerate(ages)
    )


def kept() -> set[str]:
    return set(InboxMessage.objects.values_list("event_id", flat=True))


@pytest.mark.django_db
def test_what_is_older_than_90_days_goes_and_the_rest_stays():
    keep_messages(KEPT_FOR + MINUTE, KEPT_FOR - MINUTE, timedelta(0))
    assert sweep_messages(limit=10) == 1
    assert kept() == {"1", "2"}


@pytest.mark.django_db
def test_the_oldest_go_first_and_no_more_than_the_limit():
    keep_messages(2 * KEPT_FOR, 4 * KEPT_FOR, 3 * KEPT_FOR)
    assert sweep_messages(limit=2) == 2
    assert kept() == {"0"}


@pytest.mark.django_db
def test_looking_for_old_messages_is_no_walk_over_all_of_them():
    """The clock must be one that an index can be asked with; clock_timestamp() is not."""
    with CaptureQueriesContext(
        connection,
    ) as queries:
        sweep_messages(limit=10)
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {queries[0]['sql']}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Index Cond: (handled_at <" in plan


@pytest.mark.django_db(transaction=True)
def test_the_task_goes_on_until_none_are_left_one_transaction_for_each_batch(monkeypatch):
    monkeypatch.setattr(tasks, "BATCH", 2)
    keep_messages(*[2 * KEPT_FOR] * 5, timedelta(0))
    with CaptureQueriesContext(connection) as queries:
        assert tasks.sweep_inbox_messages(added_by_a_newer_release=1) == 5
    assert kept() == {"5"}
    statements = [query["sql"] for query in queries]
    assert [statements.count(word) for word in ("BEGIN", "COMMIT")] == [4, 4]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_sweeper_passes_by_what_another_one_holds():
    first, _ = keep_messages(2 * KEPT_FOR, 2 * KEPT_FOR)
    is_held, is_swept = Event(), Event()

    def hold_or_sweep(number: int) -> int:
        if number:
            assert is_held.wait(timeout=10)
            try:
                return sweep_messages(limit=10)
            finally:
                is_swept.set()
        with transaction.atomic():
            InboxMessage.objects.select_for_update().get(pk=first.pk)
            is_held.set()
            assert is_swept.wait(timeout=10)
        return 0

    assert race(hold_or_sweep, workers=2) == [0, 1]
    assert kept() == {"0"}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_sweepers_side_by_side_share_the_work():
    keep_messages(*[2 * KEPT_FOR] * 500)
    counts = race(lambda _: int(tasks.sweep_inbox_messages()), workers=4)
    assert sum(count for count in counts if isinstance(count, int)) == 500
    assert not kept()
