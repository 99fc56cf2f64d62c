"""Figures of the database and of the brokers, and what is told when those are away."""

from __future__ import annotations

from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING

import pytest
from django.db import connections

from common.observability import gauges
from common.observability.gauges import Figures, gauge

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client import Metric

pytestmark = pytest.mark.django_db(transaction=True)

PROMISED = 1.2
ALLOWANCE = 1.0
"""Seconds more than promised, for a machine that has other tests to run at the same time."""
OF_THE_DATABASE = {
    "outbox_events",
    "outbox_oldest_event_age_seconds",
    "webhook_deliveries_waiting",
    "reservations",
    "reservations_overdue",
}


def told(figures: Figures) -> dict[str, float]:
    return {
        ":".join((sample.name, *sample.labels.values())): sample.value
        for family in figures.collect()
        for sample in family.samples
    }


def names(found: dict[str, float]) -> set[str]:
    return {name.partition(":")[0] for name in found}


@contextmanager
def registered(figures) -> Iterator[None]:
    gauges.of_the_database.append(figures)
    try:
        yield
    finally:
        gauges.of_the_database.remove(figures)


def test_every_source_tells_its_figures(settings):
    found = told(Figures())
    assert names(found) >= OF_THE_DATABASE | {"celery_queue_messages"}
    assert found["figures_up:database"] == found["figures_up:broker"] == 1
    assert found["database_up"] == 1
    assert found[f"stockroom_info:{settings.VERSION}"] == 1
    assert 0 < found["disk_free_bytes"] < found["disk_size_bytes"]


def test_they_are_read_again_after_a_while_and_not_before():
    reads = []

    def counting() -> Iterator[Metric]:
        reads.append(1)
        yield gauge("reads", "How often this was asked.", len(reads))

    figures = Figures()
    with registered(counting):
        assert [told(figures)["reads"] for _ in range(3)] == [1, 1, 1]
        figures._sources._renewed_at -= gauges.KEPT
        assert told(figures)["reads"] == 2
    assert gauges.KEPT == 5


def test_a_figure_that_cannot_be_read_leaves_out_those_of_its_source():
    def broken() -> list[Metric]:
        raise RuntimeError

    with registered(broken):
        found = told(Figures())
    assert found["figures_up:database"] == 0
    assert found["database_up"] == 1
    assert not names(found) & OF_THE_DATABASE
    assert found["figures_up:broker"] == 1
    assert "celery_queue_messages" in names(found)


@pytest.mark.slow
def test_a_database_that_does_not_answer_is_left_out_in_time(monkeypatch, silent_peer):
    monkeypatch.setitem(connections.settings["default"], "HOST", "127.0.0.1")
    monkeypatch.setitem(connections.settings["default"], "PORT", silent_peer.port)
    begun = monotonic()
    found = told(Figures())
    assert monotonic() - begun <= PROMISED + ALLOWANCE
    assert found["figures_up:database"] == found["database_up"] == 0
    assert not names(found) & OF_THE_DATABASE
    assert "celery_queue_messages" in names(found)


@pytest.mark.parametrize("scheme", ["amqp", "redis"])
@pytest.mark.slow
def test_a_broker_that_does_not_answer_is_left_out_in_time(scheme, settings, silent_peer):
    settings.CELERY_BROKER_URL = f"{scheme}://127.0.0.1:{silent_peer.port}/0"
    settings.EVENTS_BROKER_URL = f"amqp://127.0.0.1:{silent_peer.port}//"
    begun = monotonic()
    found = told(Figures())
    assert monotonic() - begun <= PROMISED + ALLOWANCE
    assert found["figures_up:broker"] == found["figures_up:events_broker"] == 0
    assert names(found) >= OF_THE_DATABASE
    assert not names(found) & {"celery_queue_messages", "inbox_queue_messages"}


@pytest.mark.slow
def test_a_database_that_is_slow_with_its_figures_is_there_all_the_same():
    def slow() -> Iterator[Metric]:
        with connections["default"].cursor() as cursor:
            cursor.execute("SELECT pg_sleep(30)")
        yield gauge("slow", "None.", 0)

    with registered(slow):
        found = told(Figures())
    assert (found["figures_up:database"], found["database_up"]) == (0, 1)


def test_postgresql_stops_working_on_what_nobody_waits_for():
    limits = []

    def limit() -> Iterator[Metric]:
        with connections["default"].cursor() as cursor:
            cursor.execute("SHOW statement_timeout")
            limits.append(cursor.fetchone()[0])
        yield gauge("limit", "None.", 0)

    with registered(limit):
        told(Figures())
    assert limits == ["1s"]
