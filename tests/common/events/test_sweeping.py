"""Events are kept for thirty days at least, and until our own readers have read them."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models.functions import Now

from common.database import in_transaction
from common.events.models import Event, Reader
from common.events.reading import BROKER, NOTIFICATIONS, WEBHOOKS
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.events.sweeping import sweep_events
from common.events.tasks import sweep_events as sweep_all
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from tests.racing import race

KEPT = 30


@in_transaction
def told(count: int, *, days_ago: int) -> list[Event]:
    """So many events that happened then, with their place in the feed."""
    before = set(Event.objects.values_list("pk", flat=True))
    record(Fact("thing.happened", "thing", uuid4()) for _ in range(count))
    new = Event.objects.exclude(pk__in=before)
    new.update(occurred_at=Now() - timedelta(days=days_ago))
    number_events()
    return list(new.order_by("sequence"))


@pytest.mark.django_db
def test_what_is_older_than_thirty_days_goes_and_nothing_else():
    told(2, days_ago=KEPT + 1)
    kept = told(2, days_ago=KEPT - 1)
    assert sweep_all() == 2
    assert list(Event.objects.order_by("sequence")) == kept


@pytest.mark.django_db
def test_an_installation_may_keep_more(settings):
    settings.EVENTS_KEPT_DAYS = 90
    told(1, days_ago=KEPT + 1)
    assert sweep_all() == 0


@pytest.mark.django_db
def test_no_more_at_a_time_than_asked_for_and_the_oldest_first():
    _, *rest = told(3, days_ago=KEPT + 1)
    assert sweep_events(limit=1) == 1
    assert list(Event.objects.order_by("sequence")) == rest


@pytest.mark.django_db
@pytest.mark.parametrize("reader", [BROKER, WEBHOOKS, NOTIFICATIONS])
def test_what_a_reader_of_ours_has_not_read_stays_however_old_it_is(settings, reader):
    settings.EVENTS_BROKER_URL = "amqp://rabbitmq"
    events = told(3, days_ago=KEPT + 1)
    Reader.objects.create(name=BROKER, sequence=events[-1].sequence)
    Reader.objects.update_or_create(name=reader, defaults={"sequence": events[0].sequence})
    assert sweep_all() == 1
    assert list(Event.objects.order_by("sequence")) == events[1:]


@pytest.mark.django_db
def test_a_broker_that_was_never_reached_gets_it_all(settings):
    settings.EVENTS_BROKER_URL = "amqp://rabbitmq"
    told(1, days_ago=KEPT + 1)
    assert sweep_all() == 0


@pytest.mark.django_db
def test_a_broker_that_was_given_up_holds_nothing_back(settings):
    settings.EVENTS_BROKER_URL = ""
    told(3, days_ago=KEPT + 1)
    Reader.objects.create(name=BROKER)
    assert sweep_all() == 3


@pytest.mark.django_db
def test_deliveries_go_with_their_event():
    (event,) = told(1, days_ago=KEPT + 1)
    endpoint = WebhookEndpoint.objects.create(url="https://x.example", secret="whsec_x")
    WebhookDelivery.objects.create(endpoint=endpoint, event=event)
    assert sweep_all() == 1
    assert not WebhookDelivery.objects.exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_sweepers_share_the_work():
    told(20, days_ago=KEPT + 1)
    swept = race(lambda _: sweep_events(limit=10), workers=4)
    assert sum(swept) + sweep_all() == 20
