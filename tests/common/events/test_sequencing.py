"""One order for all readers: no gaps, nothing late, though commits come as they like."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event as Signal
from uuid import uuid4

import pytest
from django.db import connection, transaction

from common.database import in_transaction
from common.events.models import Event, Sequencer
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from inventory.operations import adjust_stock
from inventory.rules import Change
from tests.factories import StockLevelFactory
from tests.racing import in_a_thread, race


@in_transaction
def told(*names: str) -> None:
    record(Fact(name, "inventory", uuid4()) for name in names)


def numbered() -> list[tuple[int | None, str]]:
    return list(
        Event.objects.exclude(sequence=None).order_by("sequence").values_list("sequence", "type")
    )


@pytest.mark.django_db
def test_committed_events_get_the_next_sequences_in_the_order_of_writing():
    told("a", "b")
    assert number_events() == 2
    told("c")
    assert number_events() == 1
    assert numbered() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.django_db
def test_no_more_at_a_time_than_asked_for():
    told("a", "b", "c")
    assert [number_events(most=2), number_events(most=2), number_events(most=2)] == [2, 1, 0]
    assert numbered() == [(1, "a"), (2, "b"), (3, "c")]


@pytest.mark.django_db
def test_where_there_is_nothing_to_do_one_query_tells(django_assert_num_queries):
    with django_assert_num_queries(1):
        assert number_events() == 0


@pytest.mark.django_db
def test_a_sequence_is_never_given_again_though_its_event_is_gone():
    told("a")
    number_events()
    Event.objects.all().delete()
    told("b")
    number_events()
    assert numbered() == [(2, "b")]


@pytest.mark.django_db(transaction=True)
def test_what_is_rolled_back_leaves_no_gap():
    told("a")
    with transaction.atomic():
        told("b")
        transaction.set_rollback(True)
    told("c")
    number_events()
    assert numbered() == [(1, "a"), (2, "c")]


@pytest.fixture
def late():
    """Somebody who writes an event now and commits it when told to."""
    written, may_commit = Signal(), Signal()

    @in_transaction
    def write() -> None:
        told("late")
        connection.send_what_was_left()  # type: ignore[attr-defined]  # or it would be written with the commit
        written.set()
        assert may_commit.wait(10)

    with ThreadPoolExecutor(1) as thread:
        writing = thread.submit(in_a_thread, write)
        assert written.wait(10)

        def commit() -> None:
            may_commit.set()
            writing.result(10)

        yield commit
        commit()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_who_commits_late_comes_after_what_a_reader_may_have_seen(late):
    told("early")
    number_events()
    assert numbered() == [(1, "early")]
    late()
    number_events()
    assert numbered() == [(1, "early"), (2, "late")]


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_reader_by_the_order_of_writing_would_miss_it(late):
    """Negative control: if this fails, the test above proves nothing."""
    told("early")
    reached = Event.objects.latest("position").position
    late()
    assert not Event.objects.filter(position__gt=reached).exists()
    assert Event.objects.count() == 2


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_one_at_a_time_gives_sequences_and_nobody_waits_for_it():
    told("a")
    number_events()
    told("b")

    with transaction.atomic():
        Sequencer.objects.select_for_update().get()
        with ThreadPoolExecutor(1) as thread:
            assert thread.submit(in_a_thread, number_events).result(10) == 0
    assert number_events() == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_many_writers_and_readers_that_poll_nothing_is_missed_and_nothing_comes_twice():
    levels = [StockLevelFactory(on_hand=1_000) for _ in range(4)]
    Event.objects.all().delete()
    writers, each = 24, 5
    is_over = Signal()

    def write(number: int) -> list[int]:
        for step in range(each):
            product_id = levels[(number + step) % 4].product_id
            adjust_stock(changes=[Change(product_id, delta=-1, reference=f"{number}/{step}")])
        return []

    def poll(_: int) -> list[int | None]:
        seen: list[int | None] = []
        while True:
            number_events(most=7)
            is_all = is_over.is_set() and not Event.objects.filter(sequence=None).exists()
            page = Event.objects.filter(sequence__gt=seen[-1] if seen else 0).order_by("sequence")
            found = list(page.values_list("sequence", flat=True)[:10])
            seen += found
            if is_all and not found:
                return seen

    with ThreadPoolExecutor(3) as pollers:
        reading = [pollers.submit(in_a_thread, poll, number) for number in range(3)]
        assert race(write, writers) == [[]] * writers
        is_over.set()
        expected = list(range(1, writers * each + 1))
        assert [one.result(30) for one in reading] == [expected] * 3
    for level in levels:
        events = Event.objects.filter(subject_id=level.product_id).order_by("sequence")
        after = [event.data["after"] for event in events]
        assert after == list(range(999, 999 - writers * each // 4, -1))
