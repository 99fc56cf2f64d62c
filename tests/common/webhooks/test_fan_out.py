"""Which event is planned for which endpoint."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.db.models import F

from common.database import database_now
from common.events.models import Event, Reader
from common.events.sequencing import number_events
from common.webhooks import fan_out as module
from common.webhooks.fan_out import fan_out
from common.webhooks.models import WebhookDelivery
from tests.common.webhooks.rows import all_fanned_out, an_endpoint, happened, seconds_until_next
from tests.racing import in_a_thread, race

pytestmark = pytest.mark.django_db


def planned(endpoint) -> list[str]:
    """The types of what the endpoint gets, in the order of its deliveries' ids."""
    return list(endpoint.deliveries.order_by("pk").values_list("event__type", flat=True))


def reader() -> int:
    return Reader.objects.get(pk="webhooks").sequence


def test_an_endpoint_gets_all_types_or_those_that_it_wants_in_the_order_of_the_feed():
    everything = an_endpoint()
    some = an_endpoint(event_types=["a", "c"])
    happened("a", "b", "c", "a")
    number_events()
    assert fan_out() == 4
    assert (planned(everything), planned(some)) == (["a", "b", "c", "a"], ["a", "c", "a"])
    assert fan_out() == 0
    for row in WebhookDelivery.objects.all():
        assert (row.status, row.attempt_count, row.attempts, row.version) == ("pending", 0, [], 1)
        assert row.next_attempt_at <= database_now()


def test_what_happened_before_an_endpoint_was_made_is_not_for_it():
    early = an_endpoint()
    happened("a")
    late = an_endpoint()
    happened("b")
    all_fanned_out()
    assert (planned(early), planned(late)) == (["a", "b"], ["b"])


@pytest.mark.parametrize(
    "columns",
    [{"is_active": False}, {"is_active": False, "deleted_at": "now"}],
    ids=["off", "gone"],
)
def test_an_endpoint_that_is_switched_off_or_deleted_gets_nothing(columns):
    if "deleted_at" in columns:
        columns["deleted_at"] = database_now()
    off, on = an_endpoint(**columns), an_endpoint()
    happened("a")
    all_fanned_out()
    assert (planned(off), planned(on)) == ([], ["a"])


def test_a_test_is_not_for_everybody():
    endpoint = an_endpoint()
    Event.objects.create(
        type="endpoint.test", subject_type="webhook-endpoints", subject_id=endpoint.pk
    )
    happened("a")
    all_fanned_out()
    assert planned(endpoint) == ["a"]


def test_an_endpoint_that_was_disabled_is_not_told_so_itself():
    endpoint, other = an_endpoint(), an_endpoint()
    Event.objects.create(
        type="endpoint.disabled", subject_type="webhook-endpoints", subject_id=endpoint.pk
    )
    all_fanned_out()
    assert (planned(endpoint), planned(other)) == ([], ["endpoint.disabled"])


def test_events_without_a_sequence_wait(django_assert_num_queries):
    endpoint = an_endpoint()
    happened("a")
    assert fan_out() == 0
    number_events()
    assert fan_out() == 1
    with django_assert_num_queries(2):  # where it is, whether there is more
        assert fan_out() == 0
    assert planned(endpoint) == ["a"]


def test_no_more_at_a_time_than_asked_for():
    endpoint = an_endpoint()
    happened(*"abcde")
    number_events()
    assert [fan_out(most=2), fan_out(most=2), fan_out(most=2), fan_out(most=2)] == [2, 2, 1, 0]
    assert planned(endpoint) == [*"abcde"]


def test_fewer_events_at_a_time_where_there_are_many_endpoints(monkeypatch):
    monkeypatch.setattr(module, "MOST_ROWS", 6)
    for _ in range(3):
        an_endpoint()
    happened(*"abcde")
    number_events()
    assert [fan_out(), fan_out(), fan_out()] == [2, 2, 1]
    assert WebhookDelivery.objects.count() == 15


def test_where_nobody_wants_to_know_a_long_past_is_passed_over_at_once(
    django_assert_max_num_queries,
):
    happened(*["a"] * 50)
    number_events()
    with django_assert_max_num_queries(9):
        assert fan_out(most=2) == 50
    assert reader() == 50
    an_endpoint()
    happened("a")
    number_events()
    assert fan_out() == 1


def test_what_was_planned_already_is_not_planned_twice():
    """A replay may have been quicker; or somebody has set the reader back."""
    endpoint = an_endpoint()
    happened("a", "b")
    all_fanned_out()
    endpoint.deliveries.update(version=F("version") + 1)
    Reader.objects.update(sequence=0)
    assert fan_out() == 2
    assert list(endpoint.deliveries.values_list("version", flat=True)) == [2, 2]


def test_the_schedule_may_begin_with_a_pause(settings):
    settings.WEBHOOK_RETRY_SECONDS = [100, 5]
    endpoint = an_endpoint()
    happened("a")
    all_fanned_out()
    assert 90 < seconds_until_next(endpoint.deliveries.get()) <= 100


@pytest.mark.django_db(transaction=True)
def test_reader_and_deliveries_commit_together_or_not_at_all(monkeypatch):
    endpoint = an_endpoint()
    happened("a")
    number_events()
    with monkeypatch.context() as patch:
        patch.setattr(module, "move_on", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            fan_out()
    assert planned(endpoint) == []
    assert fan_out() == 1
    assert planned(endpoint) == ["a"]


@pytest.mark.django_db(transaction=True)
def test_while_one_is_at_it_another_does_not_wait():
    an_endpoint()
    happened("a")
    number_events()
    Reader.objects.create(name="webhooks")
    with transaction.atomic():
        Reader.objects.select_for_update().get(name="webhooks")
        assert race(lambda _: fan_out(), 1) == [0]
    assert fan_out() == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_several_at_once_plan_each_event_once():
    endpoint = an_endpoint()
    happened(*["a"] * 40)
    number_events()

    def work(_: int) -> int:
        while reader_or_none() < 40:
            fan_out(most=3)
        return 0

    assert race(work, 4) == [0] * 4
    assert endpoint.deliveries.count() == 40
    in_a_thread(all_fanned_out)
    order = endpoint.deliveries.order_by("pk").values_list("event__sequence", flat=True)
    assert list(order) == list(range(1, 41))


def reader_or_none() -> int:
    return Reader.objects.filter(pk="webhooks").values_list("sequence", flat=True).first() or 0


def test_an_event_and_an_endpoint_of_the_same_moment():
    """The clock that says when is the database's for both."""
    endpoint = an_endpoint()
    happened("a")
    event = Event.objects.get()
    type(endpoint).objects.update(created_at=event.occurred_at)
    other = an_endpoint()
    type(other).objects.filter(pk=other.pk).update(
        created_at=event.occurred_at + timedelta(microseconds=1)
    )
    all_fanned_out()
    assert (planned(endpoint), planned(other)) == (["a"], [])
