"""Endpoints made, changed, rotated and deleted; tests, retries and replays asked for."""

from __future__ import annotations

import base64
from datetime import timedelta
from threading import Barrier
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from common.database import database_now
from common.errors import Invalid, VersionMismatch
from common.events.models import Event
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.webhooks.errors import EndpointInactive, UnknownDelivery, UnknownEndpoint
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.operations import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    replay,
    retry_delivery,
    rotate_secret,
    send_test,
)
from tests.racing import race

pytestmark = pytest.mark.django_db

URL = "https://example.com/hooks"


@pytest.fixture
def endpoint(db) -> WebhookEndpoint:
    return create_endpoint(url=URL, created_by="ada")


@pytest.fixture
def delivery(endpoint) -> WebhookDelivery:
    """One that was taken at the third attempt."""
    made = send_test(endpoint_id=endpoint.pk)
    made.status, made.next_attempt_at = "delivered", None
    made.attempt_count, made.attempts = 3, [{"status_code": 200}]
    made.save()
    return made


def events_of(*types: str) -> list[Event]:
    """One numbered event of each of these types."""
    record([Fact(name, "things", uuid4()) for name in types])
    number_events()
    return list(Event.objects.order_by("sequence"))


@pytest.fixture
def free_types(monkeypatch):
    """Events of published types with no figures in them; they are not looked at here."""
    monkeypatch.setattr("tests.event_schemas.check", lambda _fact: None)


# Endpoints


def test_a_new_endpoint_gets_a_secret_of_its_own(endpoint):
    assert len(base64.b64decode(endpoint.secret.removeprefix("whsec_"), validate=True)) == 32
    assert endpoint.secret != create_endpoint(url=URL, created_by="ada").secret
    stored = WebhookEndpoint.objects.get(pk=endpoint.pk)
    assert (stored.url, stored.event_types, stored.is_active) == (URL, [], True)
    assert (stored.created_by, stored.version, stored.secret) == ("ada", 1, endpoint.secret)


def test_event_types_are_kept_once_each():
    twice = ["stock.low", "product.created", "stock.low"]
    kept = create_endpoint(url=URL, event_types=twice, created_by="ada").event_types
    assert kept == ["product.created", "stock.low"]


def test_an_event_type_that_there_is_not_is_refused_by_its_name(endpoint):
    with pytest.raises(Invalid, match=r"stock\.gone") as refused:
        create_endpoint(url=URL, event_types=["stock.low", "stock.gone"], created_by="ada")
    assert refused.value.attribute == "event_types"
    with pytest.raises(Invalid):
        change_endpoint(endpoint_id=endpoint.pk, changes={"event_types": ["stock.gone"]})


def test_what_differs_is_changed_and_nothing_else_counts_as_a_change(endpoint):
    changed = change_endpoint(endpoint_id=endpoint.pk, changes={"description": "The shop"})
    assert (changed.version, changed.description, changed.secret) == (
        2,
        "The shop",
        endpoint.secret,
    )
    again = change_endpoint(endpoint_id=endpoint.pk, changes={"description": "The shop"})
    assert again.version == 2


def test_switching_on_forgives_what_failed(endpoint):
    WebhookEndpoint.objects.update(
        is_active=False, disabled_reason="It answered 410 Gone.", failing_since=database_now()
    )
    changed = change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": True})
    changed.refresh_from_db()
    assert (changed.is_active, changed.disabled_reason, changed.failing_since) == (True, "", None)


def test_a_rotated_secret_signs_for_a_day_beside_the_new_one(endpoint):
    first = endpoint.secret
    rotated = rotate_secret(endpoint_id=endpoint.pk)
    rotated.refresh_from_db()
    assert rotated.secret != first
    assert rotated.previous_secret == first
    left = rotated.previous_secret_until - database_now()
    assert timedelta(hours=23, minutes=59) < left <= timedelta(hours=24)
    second = rotated.secret
    assert rotate_secret(endpoint_id=endpoint.pk).previous_secret == second


def test_a_deleted_endpoint_is_there_no_more_and_is_sent_nothing(endpoint, delivery):
    delete_endpoint(endpoint_id=endpoint.pk)
    left = WebhookEndpoint.objects.get()
    assert (left.is_active, left.deleted_at is None) == (False, False)
    for attempt in (
        lambda: delete_endpoint(endpoint_id=endpoint.pk),
        lambda: change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": True}),
        lambda: rotate_secret(endpoint_id=endpoint.pk),
        lambda: send_test(endpoint_id=endpoint.pk),
        lambda: replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=1),
    ):
        with pytest.raises(UnknownEndpoint):
            attempt()
    with pytest.raises(EndpointInactive):
        retry_delivery(delivery_id=delivery.pk)


def test_a_version_that_was_not_seen_is_refused(endpoint, delivery):
    for attempt in (
        lambda: change_endpoint(endpoint_id=endpoint.pk, changes={}, expected_version=9),
        lambda: rotate_secret(endpoint_id=endpoint.pk, expected_version=9),
        lambda: delete_endpoint(endpoint_id=endpoint.pk, expected_version=9),
        lambda: send_test(endpoint_id=endpoint.pk, expected_version=9),
        lambda: retry_delivery(delivery_id=delivery.pk, expected_version=9),
    ):
        with pytest.raises(VersionMismatch):
            attempt()
    assert WebhookEndpoint.objects.get().version == 1


# Sending what was asked for


def test_a_test_is_an_event_of_its_own_for_this_endpoint_alone(endpoint):
    create_endpoint(url=URL, created_by="ada")
    only_low = change_endpoint(endpoint_id=endpoint.pk, changes={"event_types": ["stock.low"]})
    first, second = (send_test(endpoint_id=only_low.pk) for _ in range(2))
    assert first.event != second.event
    assert (second.event.type, second.event.subject_id) == ("endpoint.test", str(endpoint.pk))
    assert second.event.data == {"host": urlsplit(URL).hostname}
    found = WebhookDelivery.objects.all()
    assert {(one.endpoint_id, one.status) for one in found} == {(endpoint.pk, "pending")}
    assert found.count() == 2
    assert second.next_attempt_at <= database_now()


def test_a_retry_starts_the_schedule_anew_and_keeps_the_attempts(delivery):
    retry_delivery(delivery_id=delivery.pk)
    delivery.refresh_from_db()
    assert (delivery.status, delivery.attempt_count, delivery.version) == ("pending", 0, 2)
    assert delivery.next_attempt_at <= database_now()
    assert delivery.attempts == [{"status_code": 200}]


def test_nothing_is_sent_to_an_endpoint_that_is_switched_off(endpoint, delivery):
    change_endpoint(endpoint_id=endpoint.pk, changes={"is_active": False})
    for attempt in (
        lambda: send_test(endpoint_id=endpoint.pk),
        lambda: retry_delivery(delivery_id=delivery.pk),
        lambda: replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=1),
    ):
        with pytest.raises(EndpointInactive, match="switch it on") as refused:
            attempt()
        assert (refused.value.code, refused.value.status) == ("endpoint_inactive", 409)
    delivery.refresh_from_db()
    assert delivery.status == "delivered"


def test_what_is_not_there_is_not_found():
    with pytest.raises(UnknownEndpoint):
        send_test(endpoint_id=uuid4())
    with pytest.raises(UnknownDelivery):
        retry_delivery(delivery_id=uuid4())


@pytest.mark.usefixtures("free_types")
def test_a_replay_sends_the_wanted_events_of_the_stretch_whether_they_were_sent_or_not():
    events = events_of("stock.low", "stock.out", "stock.low", "stock.low", "stock.low")
    endpoint = create_endpoint(url=URL, event_types=["stock.low"], created_by="ada")
    sent = WebhookDelivery.objects.create(
        endpoint=endpoint,
        event=events[2],
        status="failed",
        attempt_count=9,
        next_attempt_at=None,
        attempts=[{"status_code": 500}],
    )
    assert replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=4) == 3
    deliveries = WebhookDelivery.objects.order_by("event__sequence")
    assert [one.event for one in deliveries] == [events[0], events[2], events[3]]
    assert {(one.status, one.attempt_count) for one in deliveries} == {("pending", 0)}
    soon = database_now() + timedelta(seconds=1)
    assert all(one.next_attempt_at <= soon for one in deliveries)
    sent.refresh_from_db()
    assert (sent.version, sent.attempts) == (2, [{"status_code": 500}])


@pytest.mark.usefixtures("free_types")
def test_a_replay_leaves_out_tests_and_the_end_of_the_endpoint_itself():
    endpoint, other = (create_endpoint(url=URL, created_by="ada") for _ in range(2))
    record(
        Fact(name, "webhook-endpoints", about.pk)
        for about in (endpoint, other)
        for name in ("endpoint.test", "endpoint.disabled")
    )
    number_events()
    assert replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=4) == 1
    (event,) = Event.objects.filter(deliveries__endpoint=endpoint)
    assert (event.type, event.subject_id) == ("endpoint.disabled", str(other.pk))


@pytest.mark.usefixtures("free_types")
def test_a_replay_goes_on_from_one_statement_to_the_next(endpoint, monkeypatch):
    monkeypatch.setattr("common.webhooks.operations.sending_again.AT_ONCE", 2)
    events_of(*["stock.low"] * 5)
    assert replay(endpoint_id=endpoint.pk, first_sequence=1, last_sequence=100_000) == 5
    ids = WebhookDelivery.objects.order_by("event__sequence").values_list("pk", flat=True)
    assert len(ids) == 5
    assert list(ids) == sorted(ids)


@pytest.mark.parametrize(
    ("first", "last", "attribute"),
    [(0, 5, "first_sequence"), (5, 4, "last_sequence"), (1, 100_001, "last_sequence")],
)
def test_a_stretch_that_is_none_or_too_long_is_refused(endpoint, first, last, attribute):
    with pytest.raises(Invalid) as refused:
        replay(endpoint_id=endpoint.pk, first_sequence=first, last_sequence=last)
    assert refused.value.attribute == attribute


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_changes_at_the_same_moment_count_as_one(monkeypatch):
    """Negative control: if this fails, the test below proves nothing."""
    endpoint = create_endpoint(url=URL, created_by="ada")
    everyone_has_read = Barrier(2, timeout=10)

    def seen(endpoint_id, *_version):
        row = WebhookEndpoint.objects.get(pk=endpoint_id)
        everyone_has_read.wait()
        return row

    monkeypatch.setattr("common.webhooks.operations.endpoints.locked", seen)
    changes = [{"description": "The shop"}, {"is_active": False}]
    race(lambda n: change_endpoint(endpoint_id=endpoint.pk, changes=changes[n]), workers=2)
    endpoint.refresh_from_db()
    assert endpoint.version == 2


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_changes_at_the_same_moment_are_all_kept():
    endpoint = create_endpoint(url=URL, created_by="ada")
    changes = [{"description": "The shop"}, {"event_types": ["stock.low"]}, {"is_active": False}]
    race(lambda n: change_endpoint(endpoint_id=endpoint.pk, changes=changes[n]), workers=3)
    endpoint.refresh_from_db()
    assert endpoint.version == 4
    assert (endpoint.description, endpoint.is_active) == ("The shop", False)
    assert endpoint.event_types == ["stock.low"]
