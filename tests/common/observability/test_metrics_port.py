"""What worker, relay and consumer answer on METRICS_PORT."""

from __future__ import annotations

import json
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import pytest

from common.observability import metrics_port
from common.observability.metrics import events_published
from common.observability.metrics_port import Server, report_as
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from common.observability.duties import Duties


class Standing:
    """Duties of which these stand still."""

    def __init__(self, *names: str) -> None:
        self.names = list(names)

    def standing_still(self) -> list[str]:
        return self.names


@contextmanager
def serving(monkeypatch, duties: Duties | Standing | None = None) -> Iterator[str]:
    monkeypatch.setattr(metrics_port, "duties", duties or Standing())
    with Server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def asked(address: str, **headers: str) -> tuple[int, str, str]:
    try:
        with urlopen(Request(address, headers=headers), timeout=10) as answer:  # noqa: S310
            return answer.status, answer.headers["Content-Type"], answer.read().decode()
    except HTTPError as error:
        return error.code, error.headers["Content-Type"], error.read().decode()


def test_metrics_are_told_in_the_form_that_was_asked_for(monkeypatch):
    events_published.inc()
    with serving(monkeypatch) as address:
        status, media_type, text = asked(f"{address}/metrics")
        assert (status, media_type.partition(";")[0]) == (200, "text/plain")
        assert "\nevents_published_total " in text
        assert "figures_up" not in text  # those are asked of the web server
        _, media_type, text = asked(f"{address}/metrics/", Accept="application/openmetrics-text")
        assert media_type.startswith("application/openmetrics-text")
        assert text.endswith("# EOF\n")


@pytest.mark.slow
def test_health_names_the_duties_that_stand_still(monkeypatch):
    with serving(monkeypatch) as address:
        assert asked(f"{address}/health")[0] == 200
    with serving(monkeypatch, Standing("number", "publish")) as address:
        status, _, text = asked(f"{address}/health")
    assert (status, json.loads(text)["standing_still"]) == (503, ["number", "publish"])


def test_there_is_nothing_else(monkeypatch):
    with serving(monkeypatch) as address:
        assert asked(f"{address}/")[0] == 404
        assert asked(f"{address}/metrics/..")[0] == 404


def test_who_is_silent_keeps_nobody_waiting(monkeypatch):
    with serving(monkeypatch) as address:
        port = int(address.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)):
            assert asked(f"{address}/health")[0] == 200


def test_a_port_that_is_taken_is_logged_and_had_later(settings, monkeypatch, log_lines):
    monkeypatch.setattr(metrics_port, "AGAIN", 0.05)
    monkeypatch.setattr(metrics_port, "duties", Standing())
    settings.METRICS_ADDRESS, settings.METRICS_PORT = "127.0.0.1", free_port()
    address = f"http://127.0.0.1:{settings.METRICS_PORT}/health"
    told = []

    def is_told() -> bool:
        told.extend(log_lines())
        return bool(told)

    with socket.create_server(("127.0.0.1", settings.METRICS_PORT)):
        report_as("relay")
        wait_until(is_told)
    assert told[0]["event"] == "metrics_port_unavailable"
    assert told[0]["port"] == settings.METRICS_PORT

    def answers() -> bool:
        try:
            return asked(address)[0] == 200
        except OSError:
            return False

    wait_until(answers)
    assert log_lines() == []


def test_without_a_port_nobody_listens(settings):
    settings.METRICS_PORT = 0
    before = threading.active_count()
    report_as("relay")
    assert threading.active_count() == before
