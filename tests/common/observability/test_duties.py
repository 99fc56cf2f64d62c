"""Whether what has to be done again and again is still done."""

from __future__ import annotations

from time import time

import pytest
from django.db import connections
from prometheus_client import REGISTRY

from common.observability import duties as module
from common.observability import probes
from common.observability.duties import Duties

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def duties(monkeypatch) -> Duties:
    """Some of which one was done long ago."""
    one = Duties()
    one.note("number")
    one.note("publish")
    one._done_at["publish"] -= module.LATE_AFTER + 1
    return one


def test_one_that_nobody_has_done_for_a_minute_stands_still(duties):
    assert duties.standing_still() == ["publish"]
    assert module.LATE_AFTER == 60


def test_once_it_is_done_again_all_is_well(duties):
    duties.note("publish")
    assert duties.standing_still() == []


def test_one_that_ended_on_purpose_is_not_missed(duties):
    duties.forget("publish")
    assert duties.standing_still() == []


def test_while_the_database_does_not_answer_it_has_its_reason(duties, monkeypatch, silent_peer):
    monkeypatch.setattr(probes, "PATIENCE", 0.05)
    monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
    monkeypatch.setitem(connections.settings["default"], "PORT", silent_peer.port)
    assert duties.standing_still() == []


def test_prometheus_is_told_when_each_was_done_last(duties):
    duties.note("fan_out")
    told = REGISTRY.get_sample_value("duty_last_run_timestamp_seconds", {"duty": "fan_out"})
    assert told == pytest.approx(time(), abs=30)
