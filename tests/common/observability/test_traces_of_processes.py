"""Real processes and a real collector: one request is one trace, wherever it goes."""

from __future__ import annotations

import json
import secrets
from contextlib import contextmanager
from time import monotonic
from typing import TYPE_CHECKING, Any

import amqp
import pytest
import requests

from common.broker.connection import Publisher, connected
from common.inbox import queues
from tests.collecting import Collector, collecting
from tests.common.events.broker import Subscriber
from tests.common.webhooks.sinks import Sink, listening, sink
from tests.faults.traffic import stocked_product
from tests.needs import broker_url  # noqa: F401 - a fixture
from tests.relaying import running_relay
from tests.running import run_python, running_python, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.running import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("traces")]

WITH_PACKAGES = {"AND_LISTS": "requirements-traces.txt", "OTEL_BSP_SCHEDULE_DELAY": "100"}
WORKER = [
    *("-m", "celery", "--quiet", "--app=config", "worker", "--loglevel=INFO", "--concurrency=1"),
    *("--without-gossip", "--without-mingle", "--without-heartbeat"),
]
TASK = "common.inbox.tasks.sweep_inbox_messages"
SENT_IN_A_TRACE = """
import sys
import django
django.setup()
from common.observability import tracing
from config.celery import app
tracing.begin("web")
with tracing.entered({"traceparent": sys.argv[1]}, "asked", "server", {}):
    app.send_task(sys.argv[2])
tracing.end()
"""
LOADED = """
import sys
import config.wsgi
from common import relay
from common.inbox import consuming
from common.observability import tracing
from django.conf import settings
tracing.begin("web")
assert not settings.TRACES
print([name for name in sys.modules if name.startswith(tuple(sys.argv[1:]))])
"""


class Asked:
    """The ids of a client that traces, for one request."""

    def __init__(self, *, kept: bool = True) -> None:
        self.trace_id, self.span_id = secrets.token_hex(16), secrets.token_hex(8)
        self.header = f"00-{self.trace_id}-{self.span_id}-{kept:02d}"


def lines(log: Path, trace_id: str) -> list[dict[str, Any]]:
    """Those of one trace."""
    own = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
    return [line for line in own if line.get("trace_id") == trace_id]


def ask(server: RunningServer, method: str, path: str, asked: Asked, **more: Any) -> Any:
    headers = {"X-API-Key": server.api_key, "traceparent": asked.header} | more.pop("headers", {})
    url = f"{server.base_url}{path}"
    return requests.request(method, url, headers=headers, timeout=30, **more)


@contextmanager
def stockroom(folder: Any, collector: str, **settings: str) -> Iterator[RunningServer]:
    traced: dict[str, Any] = WITH_PACKAGES | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector} | settings
    with running_stockroom(folder, **traced) as server:
        yield server


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(tmp_path_factory, collector, broker_url) -> Iterator[RunningServer]:  # noqa: F811
    folder = tmp_path_factory.mktemp("traces")
    broker = {"EVENTS_BROKER_URL": broker_url, "CELERY_BROKER_URL": broker_url}
    with stockroom(folder, collector.endpoint, **broker) as server:
        yield server


@pytest.fixture(scope="module")
def receiver() -> Iterator[Sink]:
    with sink() as receiver:
        yield receiver


@pytest.fixture(scope="module")
def sale(server, collector, receiver, broker_url, tmp_path_factory):  # noqa: F811
    """A unit is sold in a client's trace, and the event has gone where it goes."""
    product = stocked_product(server)
    wanted = {"url": receiver.url, "event_types": ["stock.changed"]}
    assert ask(server, "POST", "/api/v1/webhook-endpoints", Asked(), json=wanted).ok
    asked, log = Asked(), tmp_path_factory.mktemp("relay") / "relay.log"
    given = {"X-Request-ID": f"sale-{asked.span_id}", "tracestate": "shop=7"}
    with connected(broker_url) as connection:
        subscriber = Subscriber(connection, "stockroom.events", "stock.changed")
        with running_relay(server.environment, log):
            body, path = {"quantity_delta": -1}, f"/api/v1/inventory/{product}"
            answer = ask(server, "PATCH", path, asked, json=body, headers=given)
            assert answer.status_code == 200, answer.text
            receiver.wait_for(1, timeout=30)
            collector.wait_for(asked.trace_id, "deliver stock.changed")
            collector.wait_for(asked.trace_id, "publish stock.changed")
            collector.wait_for(asked.trace_id, "PATCH")
        published = list(subscriber.waiting())
        subscriber.channel.queue_delete(subscriber.queue)
    return asked, {span.name: span for span in collector.of_trace(asked.trace_id)}, published


def test_a_request_its_statements_its_event_and_its_delivery_are_one_trace(sale):
    asked, spans, _ = sale
    request = spans["PATCH /api/v1/inventory/<pk>"]
    recorded = spans["record events"]
    assert (request.parent_id, request.kind) == (asked.span_id, "server")
    assert recorded.parent_id in {request.span_id, spans["one round trip"].span_id}
    commit, written = spans["COMMIT"], spans["UPDATE inventory_stocklevel"]
    assert commit.parent_id == request.span_id
    assert (written.parent_id, written.kind) == (commit.span_id, "client"), "events with the rest"
    for name, kind in (("deliver stock.changed", "client"), ("publish stock.changed", "producer")):
        assert (spans[name].parent_id, spans[name].kind) == (recorded.span_id, kind)
        assert spans[name].process["stockroom.process"] == "relay"
    assert {span.process["service.name"] for span in spans.values()} == {"stockroom"}
    assert request.process["stockroom.process"] == "web"
    assert not any(span.is_error for span in spans.values())


def test_the_request_is_found_by_its_id_and_its_lines_in_the_log_by_the_trace(sale, server):
    asked, spans, _ = sale
    request = spans["PATCH /api/v1/inventory/<pk>"]
    assert request.attributes["stockroom.request_id"] == f"sale-{asked.span_id}"
    assert request.attributes["http.response.status_code"] == 200
    of_trace = lines(server.log, asked.trace_id)
    assert {line["event"] for line in of_trace} >= {"request", "stock.changed"}
    assert {line["request_id"] for line in of_trace} == {f"sale-{asked.span_id}"}
    (line,) = [line for line in of_trace if line["event"] == "request"]
    assert line["span_id"] == request.span_id


def test_receivers_of_the_webhook_and_of_the_message_can_go_on_with_the_trace(sale, receiver):
    asked, spans, published = sale
    by_trace = [one for one in receiver.received if asked.trace_id in one.headers["traceparent"]]
    (hook,) = by_trace
    delivery = spans["deliver stock.changed"]
    assert hook.headers["traceparent"] == f"00-{asked.trace_id}-{delivery.span_id}-01"
    assert hook.headers["tracestate"] == "shop=7"
    headers = [message.headers for message in published if message.headers]
    (found,) = [one for one in headers if asked.trace_id in one["traceparent"]]
    sent = spans["publish stock.changed"]
    assert found["traceparent"] == f"00-{asked.trace_id}-{sent.span_id}-01"


def test_a_cached_product_has_a_span_too_and_both_web_processes_tell(server, collector):
    product = stocked_product(server)
    pids = set()
    deadline = monotonic() + 60
    while len(pids) < 2:
        assert monotonic() < deadline, "one of the two web processes never told anything"
        asked = Asked()
        assert ask(server, "GET", f"/api/v1/products/{product}", asked).ok
        (span,) = collector.wait_for(asked.trace_id, "GET")
        if span.attributes.get("stockroom.cache") == "hit":
            assert (span.parent_id, span.name) == (asked.span_id, "GET /api/v1/products/<pk>")
            (read,) = collector.wait_for(asked.trace_id, "redis")
            assert read.parent_id == span.span_id
            pids.add(span.process["process.pid"])


def test_a_caller_who_keeps_nothing_makes_us_keep_nothing(server, collector):
    product = stocked_product(server)
    silent, asked = Asked(kept=False), Asked()
    body, path = {"quantity_delta": -1}, f"/api/v1/inventory/{product}"
    assert ask(server, "PATCH", path, silent, json=body).ok
    for _ in range(20):  # as many as reach both processes
        last = asked
        asked = Asked()
        assert ask(server, "GET", path, asked).ok
    collector.wait_for(last.trace_id, "GET")
    assert collector.of_trace(silent.trace_id) == []
    (line,) = (
        line
        for line in server.log.read_text().splitlines()
        if silent.trace_id in line and '"request"' in line
    )
    assert json.loads(line)["trace_id"] == silent.trace_id


def test_a_task_goes_on_with_the_trace_of_the_request_that_sent_it(server, collector, tmp_path):
    asked, log = Asked(), tmp_path / "worker.log"
    environment = server.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    run_python(["-c", SENT_IN_A_TRACE, asked.header, TASK], environment)
    (sender,) = collector.wait_for(asked.trace_id, "asked")
    with running_python(WORKER, environment, log):
        (run,) = collector.wait_for(asked.trace_id, "run ")
    assert (run.name, run.kind, run.parent_id) == (f"run {TASK}", "consumer", sender.span_id)
    assert run.process["stockroom.process"] == "worker"
    statements = [span for span in collector.of_trace(asked.trace_id) if "inbox" in span.name]
    assert run.span_id in {span.parent_id for span in statements}
    (done,) = [line for line in lines(log, asked.trace_id) if " succeeded in " in line["event"]]
    assert done["span_id"] == run.span_id


def test_a_message_from_elsewhere_is_handled_in_its_senders_trace(
    server,
    collector,
    broker_url,  # noqa: F811
    tmp_path,
):
    asked = Asked()
    consumer = running_relay(server.environment, tmp_path / "log", "manage.py", "consume")
    with consumer, connected(broker_url) as connection:
        publisher = Publisher(connection)
        queues.declare(publisher.channel)
        told = amqp.Message(b"{", application_headers={"traceparent": asked.header})
        publisher.publish(told, exchange="", routing_key=queues.COMMANDS)
        publisher.wait()
        (span,) = collector.wait_for(asked.trace_id, "process")
    assert (span.name, span.kind) == ("process stockroom.commands", "consumer")
    assert span.parent_id == asked.span_id
    assert (span.is_error, span.attributes["error.type"]) == (True, "malformed")
    assert span.process["stockroom.process"] == "consumer"


def test_what_is_left_is_told_before_a_process_ends(collector, tmp_path):
    asked = Asked()
    with stockroom(tmp_path, collector.endpoint, OTEL_BSP_SCHEDULE_DELAY="600000") as server:
        ask(server, "GET", "/api/v1/products", asked)
        assert collector.of_trace(asked.trace_id) == []
    collector.wait_for(asked.trace_id, "GET")


def test_a_collector_that_hangs_or_is_away_costs_no_request_anything(tmp_path):
    """It takes connections and says nothing, while more spans are made than are kept."""
    few = {"OTEL_BSP_MAX_QUEUE_SIZE": "50", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "10"}
    held: list[Any] = []
    is_over: list[bool] = []

    def hang(caller: Any) -> None:
        held.append(caller)
        wait_until(lambda: is_over, 120)

    with listening(hang) as port:
        frozen = f"http://127.0.0.1:{port}"
        with stockroom(tmp_path, frozen, **few) as server:
            took = [timed(server) for _ in range(200)]
            wait_until(lambda: held)
            began = monotonic()
            server.process.terminate()
            server.process.wait(10)
            stopped_in = monotonic() - began
        is_over.append(True)
    assert sorted(took)[-10] < 0.5, took
    assert max(took) < 2
    assert stopped_in < 8
    assert "Queue full" in server.log.read_text(), "nothing was dropped: this proves nothing"


def timed(server: RunningServer) -> float:
    began = monotonic()
    assert ask(server, "GET", "/api/v1/products", Asked()).status_code == 200
    return monotonic() - began


def test_by_default_nothing_of_opentelemetry_is_loaded(running_server):
    """Where it is installed, redis-py loads the part about metrics for itself."""
    off = running_server.environment | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "opentelemetry.proto")
    assert run_python(["-c", LOADED, "opentelemetry"], off).strip() == "[]"
    assert run_python(["-c", LOADED, *ours], off | WITH_PACKAGES).strip() == "[]"


def test_without_the_packages_the_start_ends_with_a_sentence(running_server, tmp_path):
    asked_for = running_server.environment | {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318"
    }
    log = tmp_path / "log"
    with running_python(["manage.py", "check"], asked_for, log) as process:
        assert process.wait(60) == 1
    assert log.read_text() == (
        "OTEL_EXPORTER_OTLP_ENDPOINT needs packages that are not installed: "
        "run `pip install --require-hashes -r requirements-traces.txt`, or leave it empty.\n"
    )
