"""How far behind the relay is, as Prometheus is told."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.db.models import F

from common.database import in_transaction
from common.events import lag
from common.events.lag import outbox
from common.events.models import Event, Reader
from common.events.reading import BROKER, WEBHOOKS, locked_reader, move_on
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from common.webhooks.fan_out import fan_out

pytestmark = pytest.mark.django_db


@in_transaction
def happen(count: int, *, seconds_ago: float = 0.0) -> None:
    before = set(Event.objects.values_list("pk", flat=True))
    record(Fact("thing.happened", "thing", uuid4(), {"n": n}) for n in range(count))
    new = Event.objects.exclude(pk__in=before)
    new.update(occurred_at=F("occurred_at") - timedelta(seconds=seconds_ago))


def told() -> dict[str, dict[str, float]]:
    """Of each stage: how many wait, and how old the oldest is."""
    depth, age = outbox()
    assert (depth.name, age.name) == ("outbox_events", "outbox_oldest_event_age_seconds")
    found: dict[str, dict[str, float]] = {}
    for name, family in (("events", depth), ("age", age)):
        for sample in family.samples:
            found.setdefault(sample.labels["stage"], {})[name] = sample.value
    return found


@pytest.fixture(autouse=True)
def broker(settings):
    settings.EVENTS_BROKER_URL = "amqp://rabbitmq"


def test_where_nothing_has_ever_happened_nothing_waits():
    nothing = {"events": 0, "age": 0.0}
    assert told() == {"unnumbered": nothing, "unpublished": nothing, "undelivered": nothing}


def test_an_event_waits_at_one_stage_after_the_other():
    happen(2, seconds_ago=100)
    happen(3, seconds_ago=50)
    stages = told()
    assert stages["unnumbered"] == {"events": 5, "age": pytest.approx(100, abs=30)}
    assert stages["unpublished"]["events"] == stages["undelivered"]["events"] == 0
    number_events()
    stages = told()
    assert stages["unnumbered"] == {"events": 0, "age": 0.0}
    for stage in ("unpublished", "undelivered"):
        assert stages[stage] == {"events": 5, "age": pytest.approx(100, abs=30)}


def test_what_a_reader_has_read_waits_no_more():
    happen(2, seconds_ago=1_000)
    happen(3, seconds_ago=200)
    number_events()
    reader = locked_reader(BROKER)
    assert reader is not None
    move_on(reader, 2)
    fan_out()
    stages = told()
    assert stages["unpublished"] == {"events": 3, "age": pytest.approx(200, abs=100)}
    assert stages["undelivered"] == {"events": 0, "age": 0.0}


def test_events_that_were_swept_before_a_reader_began_do_not_wait():
    happen(5)
    number_events()
    Event.objects.filter(sequence__lte=3).delete()
    Reader.objects.filter(pk=WEBHOOKS).delete()
    assert told()["undelivered"]["events"] == 2


def test_without_a_broker_nothing_waits_for_it(settings):
    settings.EVENTS_BROKER_URL = ""
    assert set(told()) == {"unnumbered", "undelivered"}


def test_of_very_many_the_span_of_their_positions_is_told(monkeypatch):
    monkeypatch.setattr(lag, "MOST_COUNTED", 10)
    happen(10)
    assert told()["unnumbered"]["events"] == 10
    happen(30)
    first, last = (
        Event.objects.order_by(order).values_list("position", flat=True)[0]
        for order in ("position", "-position")
    )
    assert told()["unnumbered"]["events"] == last - first + 1 >= 40
