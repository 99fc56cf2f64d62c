"""How late the catalogue is, as Prometheus and /ready are told."""

from __future__ import annotations

from contextlib import nullcontext
from datetime import timedelta

import pytest
from django.db.models import F

from catalogue import lag
from catalogue.lag import ask_catalogue, figures
from common.events.models import Event
from common.events.sequencing import number_events
from common.observability.health import _status
from common.observability.probes import HEALTHY, UNHEALTHY
from tests.catalogue.projected import project_all
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def connection_of_the_test(monkeypatch):
    """A probe has one of its own, which would not see what is not committed."""
    monkeypatch.setattr(lag, "own_connection", nullcontext)


def told() -> dict[str, float]:
    return {family.name: family.samples[0].value for family in figures()}


def happen(*, seconds_ago: float) -> int:
    """A product gets stock; returns how many events that was."""
    before = set(Event.objects.values_list("pk", flat=True))
    StockLevelFactory(on_hand=1)
    new = Event.objects.exclude(pk__in=before)
    return new.update(occurred_at=F("occurred_at") - timedelta(seconds=seconds_ago))


def test_what_no_document_shows_is_counted_whether_it_is_numbered_or_not():
    assert told() == {"catalogue_events_behind": 0, "catalogue_lag_seconds": 0}
    count = happen(seconds_ago=100)
    number_events()
    count += happen(seconds_ago=50)
    assert told() == {
        "catalogue_events_behind": count,
        "catalogue_lag_seconds": pytest.approx(100, abs=30),
    }
    project_all()
    assert told() == {"catalogue_events_behind": 0, "catalogue_lag_seconds": 0}


def test_ten_seconds_late_is_degraded_and_never_unready():
    happen(seconds_ago=2)
    assert ask_catalogue().status == HEALTHY
    project_all()
    happen(seconds_ago=60)
    late = ask_catalogue()
    assert late.status == UNHEALTHY
    assert _status({"catalogue": late}) == "degraded"
    project_all()
    assert ask_catalogue().status == HEALTHY
