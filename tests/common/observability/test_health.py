from __future__ import annotations

import os
import signal
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as project
from django.test import Client

from common.observability import health
from common.observability.machine import Machine
from common.observability.probes import (
    HEALTHY,
    NOT_CONFIGURED,
    SILENT,
    UNHEALTHY,
    Finding,
    Inspection,
    Probe,
    ask_broker,
    ask_cache,
    ask_database,
    ask_migrations,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

GOOD = Finding(HEALTHY, "Connected.")
BAD = Finding(UNHEALTHY, "OperationalError.", reason="10.0.0.7 refused user stockroom")
NONE = Finding(NOT_CONFIGURED, "No message broker is configured.")


@pytest.fixture
def anybody() -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def found(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let the probes find this; what is not named is well."""

    def arrange(**findings: Finding) -> None:
        well = dict.fromkeys(("database", "migrations", "cache", "broker"), GOOD)
        probes = {name: Probe(_finds(finding)) for name, finding in (well | findings).items()}
        monkeypatch.setattr(health, "inspection", Inspection(**probes))

    arrange()
    return arrange


def _finds(finding: Finding) -> Callable[[], Finding]:
    return lambda: finding


@pytest.fixture
def going_on() -> Iterator[None]:
    """After the test this process is not stopping any more."""
    yield
    health._stopping.clear()


@pytest.mark.parametrize("address", ["/health", "/health/", "/ready", "/ready/"])
@pytest.mark.usefixtures("found")
class TestBoth:
    def test_they_need_neither_key_nor_slash(self, anybody, address):
        assert anybody.get(address).status_code == 200

    def test_their_answers_are_not_stored(self, anybody, address):
        assert anybody.get(address)["Cache-Control"] == "no-store"
        assert anybody.post(address)["Cache-Control"] == "no-store"

    def test_head_is_get_without_the_body(self, anybody, address):
        response = anybody.head(address)
        assert (response.status_code, response.content) == (200, b"")

    @pytest.mark.parametrize("method", ["post", "put", "patch", "delete", "options"])
    def test_other_methods_are_refused_as_everywhere(self, anybody, address, method):
        response = getattr(anybody, method)(address)
        assert (response.status_code, response["Allow"]) == (405, "GET, HEAD")
        (error,) = response.json()["errors"]
        assert (error["status"], error["code"]) == ("405", "method_not_allowed")
        assert error["id"] == response["X-Request-ID"]


class TestHealth:
    def test_it_says_that_the_process_answers(self, anybody):
        body = anybody.get("/health").json()
        said = datetime.fromisoformat(body.pop("timestamp"))
        assert abs((datetime.now(UTC) - said).total_seconds()) < 5
        assert body.pop("uptime_seconds") > 0
        assert body == {"status": "healthy", "service": project.SERVICE_NAME}

    def test_it_asks_nobody(self, anybody, monkeypatch):
        """Without the mark, pytest-django refuses every use of the database as well."""
        monkeypatch.setattr(health, "inspection", None)
        monkeypatch.setattr(health, "machine", None)
        assert anybody.get("/health").status_code == 200


class TestReady:
    @pytest.mark.django_db
    def test_it_asks_everything_that_is_really_there(self, anybody, monkeypatch):
        real = Inspection(
            database=Probe(ask_database),
            migrations=Probe(ask_migrations),
            cache=Probe(ask_cache),
            broker=Probe(ask_broker),
        )
        monkeypatch.setattr(health, "inspection", real)
        response = anybody.get("/ready")
        body = response.json()
        system = body["checks"].pop("system")
        assert body.pop("uptime_seconds") > 0
        assert body == {
            "status": "ready",
            "service": project.SERVICE_NAME,
            "version": project.VERSION,
            "checks": {
                "database": {"status": "healthy", "message": "Connected."},
                "migrations": {"status": "healthy", "message": "All applied."},
                "cache": {"status": "healthy", "message": "Connected."},
                "broker": {"status": "healthy", "message": "Connected."},
            },
        }
        assert {name: set(figures) for name, figures in system.items()} == {
            "cpu": {"usage_percent", "count"},
            "memory": {"total_mb", "available_mb", "used_percent"},
            "disk": {"total_gb", "free_gb", "used_percent"},
        }

    @pytest.mark.parametrize(
        ("findings", "status", "code"),
        [
            ({}, "ready", 200),
            ({"broker": NONE}, "ready", 200),
            ({"migrations": BAD}, "degraded", 200),
            ({"cache": BAD}, "degraded", 200),
            ({"broker": SILENT}, "degraded", 200),
            ({"database": BAD}, "not_ready", 503),
            ({"database": SILENT, "cache": BAD}, "not_ready", 503),
        ],
    )
    def test_only_without_a_database_requests_should_go_elsewhere(
        self, anybody, found, findings, status, code
    ):
        found(**findings)
        response = anybody.get("/ready")
        assert (response.json()["status"], response.status_code) == (status, code)
        for name, finding in findings.items():
            assert response.json()["checks"][name] == finding.shown

    def test_it_tells_nobody_who_refused_whom(self, anybody, found):
        found(database=BAD)
        assert b"10.0.0.7" not in anybody.get("/ready").content

    @pytest.mark.usefixtures("found", "going_on")
    def test_a_process_that_stops_is_not_ready_but_healthy(self, anybody):
        health.stopping()
        response = anybody.get("/ready")
        assert (response.json()["status"], response.status_code) == ("not_ready", 503)
        assert anybody.get("/health").status_code == 200

    @pytest.mark.usefixtures("found", "going_on")
    def test_sigterm_is_noticed_and_passed_on(self, anybody):
        passed_on = []
        original = signal.signal(signal.SIGTERM, lambda number, _frame: passed_on.append(number))
        try:
            health.notice_sigterm()
            assert anybody.get("/ready").status_code == 200
            os.kill(os.getpid(), signal.SIGTERM)
            assert anybody.get("/ready").status_code == 503
        finally:
            signal.signal(signal.SIGTERM, original)
        assert passed_on == [signal.SIGTERM]


class TestMachine:
    def test_figures_make_sense(self):
        figures = Machine().figures()
        assert figures["cpu"]["count"] >= 1
        assert 0 < figures["memory"]["available_mb"] < figures["memory"]["total_mb"]
        assert 0 < figures["disk"]["free_gb"] < figures["disk"]["total_gb"]
        for part in ("memory", "disk"):
            assert 0 < figures[part]["used_percent"] <= 100

    def test_usage_is_the_busy_share_since_the_last_reading(self, monkeypatch):
        readings = iter([(100.0, 200.0), (103.0, 204.0), (103.1, 204.5), (104.0, 206.0)])
        monkeypatch.setattr(
            "common.observability.machine._processor_seconds", lambda: next(readings)
        )
        machine = Machine()
        assert machine._usage() == 25.0
        assert machine._usage() == 25.0  # half a second says nothing yet
        assert machine._usage() == 50.0
