"""What an endpoint gets to see of a delivery."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings as project
from standardwebhooks import WebhookVerificationError

from common.events.envelope import cloud_event
from common.events.models import Event
from common.webhooks.claiming import claim
from common.webhooks.models import WebhookEndpoint
from common.webhooks.rules import new_secret
from common.webhooks.sending import send
from tests import event_schemas
from tests.common.webhooks.rows import an_endpoint, deliveries_to, make_due
from tests.common.webhooks.sinks import sink

pytestmark = pytest.mark.django_db


def claimed():
    make_due()
    (delivery,) = claim(most=1, each=1)
    return delivery


def test_it_is_the_event_in_its_envelope_signed(django_assert_num_queries):
    with sink() as receiver:
        endpoint = an_endpoint(receiver.url)
        deliveries_to(endpoint)
        delivery = claimed()
        with django_assert_num_queries(0):
            assert send(delivery).is_success
    (one,) = receiver.received
    event = Event.objects.get()
    assert json.loads(one.body) == cloud_event(event)
    event_schemas.validator("envelope").validate(json.loads(one.body) | {"data": {}})
    assert one.is_signed_with(endpoint.secret)
    assert one.id == str(event.pk)
    assert one.headers["content-type"] == "application/json"
    assert one.headers["user-agent"] == f"Stockroom/{project.VERSION}"
    assert abs(int(one.headers["webhook-timestamp"]) - datetime.now(UTC).timestamp()) < 60


def test_every_attempt_and_every_endpoint_gets_it_under_the_same_id():
    with sink() as receiver:
        deliveries_to(an_endpoint(receiver.url))
        first = claimed()
        assert all(send(delivery).is_success for delivery in [first, first, claimed()])
    assert len(set(receiver.ids)) == 1
    assert len({one.body for one in receiver.received}) == 1


@pytest.mark.parametrize(("hours", "is_accepted"), [(1, True), (-1, False)], ids=["in", "after"])
def test_the_secret_before_signs_too_until_its_time_is_over(hours, is_accepted):
    old = new_secret()
    with sink() as receiver:
        endpoint = an_endpoint(
            receiver.url,
            previous_secret=old,
            previous_secret_until=datetime.now(UTC) + timedelta(hours=hours),
        )
        deliveries_to(endpoint)
        send(claimed())
    (one,) = receiver.received
    assert one.is_signed_with(endpoint.secret)
    assert one.headers["webhook-signature"].count("v1,") == (2 if is_accepted else 1)
    if is_accepted:
        assert one.is_signed_with(old)
    else:
        with pytest.raises(WebhookVerificationError):
            one.is_signed_with(old)


def test_nothing_leaves_for_this_machine_in_production(settings):
    settings.WEBHOOK_ALLOW_PRIVATE = False
    with sink() as receiver:
        deliveries_to(an_endpoint(receiver.url))
        outcome = send(claimed())
    assert outcome.error == "The host has an address that is not on the public internet."
    assert receiver.received == []


def test_what_cannot_be_sent_at_all_is_a_failed_attempt():
    deliveries_to(an_endpoint())
    WebhookEndpoint.objects.update(secret="whsec_%")
    outcome = send(claimed())
    assert (outcome.status_code, outcome.error) == (None, "Stockroom could not send it.")
