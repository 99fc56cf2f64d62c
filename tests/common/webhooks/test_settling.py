"""What an attempt means for the delivery, and for the endpoint."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import transaction

from common.database import database_now
from common.events.models import Event
from common.webhooks import settling
from common.webhooks.claiming import claim
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.operations import change_endpoint, retry_delivery
from common.webhooks.posting import Outcome
from common.webhooks.settling import Result, settle
from tests.common.webhooks.rows import (
    an_endpoint,
    deliveries_to,
    fresh,
    make_due,
    seconds_until_next,
)
from tests.racing import race

pytestmark = pytest.mark.django_db

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def outcome(status: int | None = 200, **more) -> Outcome:
    error = None if status else "The connection was refused."
    return Outcome(at=NOW, duration_ms=12, status_code=status, error=error, **more)


def claimed(count: int = 1) -> list[WebhookDelivery]:
    """All are made due, and so many taken in hand."""
    make_due()
    return sorted(
        [*claim(most=count, each=count), *claim(most=count, each=count, pace="slow")][:count],
        key=lambda row: row.pk,
    )


def tried(status: int | None = 200, **more) -> WebhookDelivery:
    """One attempt of the only delivery, settled."""
    (delivery,) = claimed()
    assert settle([Result(delivery, outcome(status, **more))]) == []
    return fresh(delivery)


@pytest.fixture
def endpoint() -> WebhookEndpoint:
    return an_endpoint("https://shop.example/hooks")


@pytest.fixture
def delivery(endpoint) -> WebhookDelivery:
    return deliveries_to(endpoint)[0]


def failing_for(endpoint: WebhookEndpoint, span: timedelta) -> None:
    endpoint.failing_since = database_now() - span
    endpoint.save()


def disabled() -> list[Event]:
    return list(Event.objects.filter(type="endpoint.disabled"))


@pytest.mark.parametrize("status", [200, 204])
def test_what_was_taken_is_delivered(delivery, status):
    row = tried(status)
    assert (row.status, row.next_attempt_at, row.attempt_count) == ("delivered", None, 1)
    assert row.version == delivery.version + 1
    assert row.updated_at > delivery.updated_at
    assert row.attempts == [
        {"at": "2026-03-01T12:00:00Z", "status_code": status, "error": None, "duration_ms": 12}
    ]


@pytest.mark.parametrize("status", [302, 404, 500, None])
def test_what_failed_is_tried_again_later(delivery, settings, status):
    settings.WEBHOOK_RETRY_SECONDS = [0, 100, 200]
    row = tried(status)
    assert (row.status, row.attempt_count, row.version) == ("pending", 1, delivery.version + 1)
    assert 80 <= seconds_until_next(row) <= 110
    row = tried(status)
    assert 170 <= seconds_until_next(row) <= 220
    assert [one["status_code"] for one in row.attempts] == [status, status]
    assert row.attempts[0]["error"] == (None if status else "The connection was refused.")


def test_past_the_schedule_it_has_failed(delivery, settings):
    settings.WEBHOOK_RETRY_SECONDS = [0, 1, 1]
    assert [tried(500).status for _ in range(3)] == ["pending", "pending", "failed"]
    row = fresh(delivery)
    assert (row.next_attempt_at, row.attempt_count, len(row.attempts)) == (None, 3, 3)
    assert claimed() == []


def test_the_schedule_as_it_is(delivery, settings):
    """Ten attempts within about three and a half days (RULES E5)."""
    pauses = []
    while tried(500).status == "pending":
        pauses.append(seconds_until_next(delivery))
    planned = [5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400]
    for pause, plan in zip(pauses, planned, strict=True):
        assert plan * 0.9 - 10 <= pause <= plan * 1.1


def test_an_endpoint_may_ask_for_more_time(delivery):
    assert 3_500 <= seconds_until_next(tried(503, retry_after=3_600)) <= 3_600


def test_of_many_attempts_the_last_fifty_are_kept(delivery, settings):
    settings.WEBHOOK_RETRY_SECONDS = [0] * 60
    for number in range(53):
        tried(500 + number)
    assert [one["status_code"] for one in fresh(delivery).attempts] == list(range(503, 553))


def test_the_first_failure_is_remembered_until_a_success(endpoint, delivery, settings):
    settings.WEBHOOK_RETRY_SECONDS = [0] * 9
    tried(500)
    first = WebhookEndpoint.objects.get().failing_since
    assert abs(first - database_now()) < timedelta(seconds=60)
    tried(None)
    assert WebhookEndpoint.objects.get().failing_since == first
    tried(200)
    row = WebhookEndpoint.objects.get()
    assert (row.failing_since, row.is_active, row.version) == (None, True, endpoint.version)


def test_an_endpoint_that_works_is_not_written(endpoint, django_assert_num_queries):
    deliveries_to(endpoint, 10)
    results = [Result(delivery, outcome()) for delivery in claimed(10)]
    with django_assert_num_queries(2):  # the lock, all deliveries
        settle(results)


def test_gone_disables_it_at_once(endpoint, delivery):
    row = tried(410)
    after = WebhookEndpoint.objects.get()
    assert (after.is_active, after.version) == (False, endpoint.version + 1)
    assert after.disabled_reason == "It answered 410 Gone."
    assert after.updated_at > endpoint.updated_at
    assert row.status == "pending"  # kept, should somebody switch it on again
    (event,) = disabled()
    assert (event.subject_type, event.subject_id) == ("webhook-endpoints", str(endpoint.pk))
    assert event.data["host"] == "shop.example"
    assert event.data["reason"] == after.disabled_reason
    assert (event.actor, bool(event.request_id)) == ("relay", True)
    assert claimed() == []


def test_switched_on_again_it_gets_what_was_kept(endpoint, delivery):
    tried(410)
    change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": True})
    assert tried(200).status == "delivered"


@pytest.mark.parametrize(
    ("span", "is_disabled"), [(5 * DAY, True), (5 * DAY - timedelta(minutes=1), False)], ids=str
)
def test_after_five_days_of_failures_it_is_disabled(endpoint, delivery, span, is_disabled):
    failing_for(endpoint, span)
    since = endpoint.failing_since
    tried(500)
    after = WebhookEndpoint.objects.get()
    assert (after.is_active, len(disabled())) == (not is_disabled, int(is_disabled))
    assert after.failing_since == since
    if is_disabled:
        assert (
            after.disabled_reason == f"It has failed since {since:%Y-%m-%d %H:%M} UTC, five days."
        )
        assert datetime.fromisoformat(disabled()[0].data["failing_since"]) == since


def test_a_success_after_five_days_of_failures_ends_them(endpoint, delivery):
    failing_for(endpoint, 9 * DAY)
    tried(200)
    after = WebhookEndpoint.objects.get()
    assert (after.is_active, after.failing_since, disabled()) == (True, None, [])


def test_it_is_disabled_once_whatever_else_comes_in(endpoint):
    deliveries_to(endpoint, 3)
    results = [Result(row, outcome(410)) for row in claimed(3)]
    settle(results[:2])
    settle(results[2:])
    assert len(disabled()) == 1
    assert WebhookEndpoint.objects.get().version == endpoint.version + 1
    assert {len(row.attempts) for row in WebhookDelivery.objects.all()} == {1}


def test_a_late_answer_changes_nothing_once_another_has_the_delivery(endpoint, delivery):
    (zombie,) = claimed()
    (other,) = claimed()
    assert settle([Result(zombie, outcome(410))]) == []
    assert fresh(delivery).attempts == []
    assert WebhookEndpoint.objects.get().is_active
    settle([Result(other, outcome(200))])
    settle([Result(zombie, outcome(500))])
    row = fresh(delivery)
    assert (row.status, [one["status_code"] for one in row.attempts]) == ("delivered", [200])


def test_a_late_answer_changes_nothing_once_it_was_asked_for_again(delivery):
    (zombie,) = claimed()
    retry_delivery(delivery_id=delivery.pk)
    settle([Result(zombie, outcome(200))])
    assert fresh(delivery).status == "pending"


def test_without_the_sign_of_the_claim_a_late_answer_would_count(delivery, monkeypatch):
    """Negative control: if this fails, the two tests above prove nothing."""
    without = settling.SETTLE.replace("AND delivery.next_attempt_at = result.claim", "")
    assert without != settling.SETTLE
    monkeypatch.setattr(settling, "SETTLE", without)
    (zombie,) = claimed()
    claimed()
    settle([Result(zombie, outcome(410))])
    assert len(fresh(delivery).attempts) == 1
    assert not WebhookEndpoint.objects.get().is_active


def test_results_of_several_endpoints_are_settled_together(endpoint):
    other = an_endpoint()
    deliveries_to(endpoint, 2)
    answers = {endpoint.pk: 200, other.pk: 500}
    settle([Result(row, outcome(answers[row.endpoint_id])) for row in claimed(4)])
    assert {row.status for row in endpoint.deliveries.all()} == {"delivered"}
    assert {row.status for row in other.deliveries.all()} == {"pending"}
    endpoint.refresh_from_db()
    other.refresh_from_db()
    assert endpoint.failing_since is None
    assert other.failing_since is not None


@pytest.mark.django_db(transaction=True)
def test_an_endpoint_that_somebody_holds_keeps_nobody_waiting(endpoint):
    other = an_endpoint()
    deliveries_to(endpoint)
    results = [Result(row, outcome()) for row in claimed(2)]
    with transaction.atomic():
        WebhookEndpoint.objects.select_for_update().get(pk=endpoint.pk)
        (left,) = race(lambda _: settle(results), 1)
    assert [result.delivery.endpoint_id for result in left] == [endpoint.pk]
    assert (endpoint.deliveries.get().status, other.deliveries.get().status) == (
        "pending",
        "delivered",
    )
    assert settle(left) == []
    assert endpoint.deliveries.get().status == "delivered"


@pytest.mark.django_db(transaction=True)
def test_event_and_endpoint_commit_together_or_not_at_all(endpoint, delivery, monkeypatch):
    (row,) = claimed()
    with monkeypatch.context() as patch:
        patch.setattr(settling, "record", lambda _: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            settle([Result(row, outcome(410))])
    assert WebhookEndpoint.objects.get().is_active
    assert fresh(delivery).attempts == []
    settle([Result(row, outcome(410))])
    assert len(disabled()) == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_failures_that_are_settled_at_once_disable_it_once(endpoint):
    deliveries_to(endpoint, 12)
    results = [Result(row, outcome(410)) for row in claimed(12)]

    def work(number: int) -> list[Result]:
        left = results[number::4]
        while left:
            left = settle(left)
        return left

    assert race(work, 4) == [[]] * 4
    assert len(disabled()) == 1
    assert {len(row.attempts) for row in WebhookDelivery.objects.all()} == {1}
