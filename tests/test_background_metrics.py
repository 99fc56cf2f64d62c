"""A web server, a relay, a consumer and a worker that really run, as Prometheus sees them."""

from __future__ import annotations

import json
import os
import re
import signal
from typing import TYPE_CHECKING
from urllib.error import HTTPError
from urllib.request import Request, urlopen

import amqp
import psutil
import pytest

from common.broker.connection import Publisher, connected
from common.inbox.queues import COMMANDS, DEAD
from tests.needs import broker_url  # noqa: F401 - a fixture
from tests.running import free_port, run_python, running_python, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("background_metrics")]

PATIENCE = 90.0
SAMPLE = re.compile(r"^(\w+)(?:\{(.*?)\})? (\S+)$", re.MULTILINE)
WORKER = [
    *("-m", "celery", "--quiet", "--app=config", "worker", "--loglevel=INFO"),
    *("--concurrency=1", "--without-gossip", "--without-mingle", "--without-heartbeat"),
]
TASK = "common.inbox.tasks.sweep_inbox_messages"
SEND = f"from config.celery import app; app.send_task({TASK!r})"
STUCK = """
import threading
import django
django.setup()
from django.core.management import call_command
from common import relay
from common.observability import duties
duties.LATE_AFTER = 1.0
relay.number_events = lambda: threading.Event().wait()
call_command("relay")
"""
"""A relay of which one thread has lost its way."""


@pytest.fixture(scope="module")
def shop(tmp_path_factory, broker_url) -> Iterator[RunningServer]:  # noqa: F811
    folder = tmp_path_factory.mktemp("shop")
    given = {"CELERY_BROKER_URL": broker_url, "LOG_LEVEL": "INFO"}
    with running_stockroom(folder, **given) as server:
        yield server


def asked(address: str) -> tuple[int, str]:
    try:
        with urlopen(address, timeout=10) as answer:  # noqa: S310 - it is http
            return answer.status, answer.read().decode()
    except HTTPError as error:
        return error.code, error.read().decode()
    except OSError:
        return 0, ""


def told(address: str) -> dict[str, float]:
    """Every figure, by its name with its labels in braces."""
    _, text = asked(f"{address}/metrics")
    return {
        f"{name}{{{labels}}}" if labels else name: float(value)
        for name, labels, value in SAMPLE.findall(text)
    }


def figure(address: str, name: str) -> float:
    return told(address).get(name, 0.0)


def with_port(server: RunningServer) -> tuple[dict[str, str], str]:
    """The environment of a process in the background, and where it can be asked."""
    port = str(free_port())
    given = dict(server.environment) | {"METRICS_PORT": port}
    return given | {"DJANGO_SETTINGS_MODULE": "config.settings"}, f"http://127.0.0.1:{port}"


def create_products(server: RunningServer, *names: str) -> None:
    """Each makes one event or more."""
    for name in names:
        body = {"name": name, "description": "Blue.", "price": "1.00", "sku": name}
        request = Request(  # noqa: S310 - it is http
            f"{server.base_url}/api/v1/products",
            data=json.dumps(body).encode(),
            headers={"X-API-Key": server.api_key, "Content-Type": "application/json"},
        )
        with urlopen(request, timeout=30) as answer:  # noqa: S310
            assert answer.status == 201


def outbox(server: RunningServer, figures: str, stage: str) -> float:
    return figure(server.base_url, f'{figures}{{stage="{stage}"}}')


def test_without_a_relay_events_pile_up_and_with_one_they_are_gone(shop, tmp_path):
    create_products(shop, "MUG", "PEN", "CUP")
    wait_until(lambda: outbox(shop, "outbox_events", "unnumbered") >= 3, PATIENCE)
    age = outbox(shop, "outbox_oldest_event_age_seconds", "unnumbered")
    wait_until(
        lambda: outbox(shop, "outbox_oldest_event_age_seconds", "unnumbered") > age + 1, PATIENCE
    )
    given, relay = with_port(shop)
    with running_python(["manage.py", "relay"], given, tmp_path / "relay.log"):
        wait_until(lambda: figure(relay, "events_published_total") >= 3, PATIENCE)
        for stage in ("unnumbered", "unpublished", "undelivered"):
            for name in ("outbox_events", "outbox_oldest_event_age_seconds"):
                wait_until(lambda: outbox(shop, name, stage) == 0, PATIENCE)  # noqa: B023
        assert asked(f"{relay}/health")[0] == 200
        duties = {name for name in told(relay) if name.startswith("duty_last_run")}
        assert {re.findall(r'duty="(\w+)"', name)[0] for name in duties} == {
            *("deliver", "fan_out", "number", "publish"),
        }


def test_a_relay_that_has_lost_its_way_says_so(shop, tmp_path):
    given, relay = with_port(shop)
    with running_python(["-c", STUCK], given, tmp_path / "relay.log"):
        wait_until(lambda: asked(f"{relay}/health")[0] == 503, PATIENCE)
        status, text = asked(f"{relay}/health")
        assert (status, json.loads(text)["standing_still"]) == (503, ["number"])
        check = running_python(
            ["-m", "config.health_check", "duties"], given, tmp_path / "check.log"
        )
        with check as process:
            assert process.wait(PATIENCE) == 1
        assert "These duties stand still: number." in (tmp_path / "check.log").read_text()


def test_a_consumer_counts_what_becomes_of_messages(shop, broker_url, tmp_path):  # noqa: F811
    given, consumer = with_port(shop)
    with running_python(["manage.py", "consume"], given, tmp_path / "consumer.log"):
        wait_until(lambda: asked(f"{consumer}/health")[0] == 200, PATIENCE)
        with connected(broker_url) as connection:
            wait_until(lambda: "reading_messages" in (tmp_path / "consumer.log").read_text(), 90)
            publisher = Publisher(connection)
            publisher.publish(amqp.Message(b"no envelope"), exchange="", routing_key=COMMANDS)
            publisher.wait()
        dead = 'messages_handled_total{outcome="dead"}'
        wait_until(lambda: figure(consumer, dead) == 1, PATIENCE)
        assert any('duty="consume"' in name for name in told(consumer))
        waiting = f'inbox_queue_messages{{queue="{DEAD}"}}'
        wait_until(lambda: figure(shop.base_url, waiting) == 1, PATIENCE)


def test_a_worker_counts_its_tasks_over_the_death_of_its_processes(shop, tmp_path):
    given, worker = with_port(shop)
    done = f'celery_task_duration_seconds_count{{outcome="succeeded",task="{TASK}"}}'
    waiting = 'celery_queue_messages{queue="stockroom"}'
    run_python(["-c", SEND], given)
    wait_until(lambda: figure(shop.base_url, waiting) >= 1, PATIENCE)
    with running_python(WORKER, given, tmp_path / "worker.log") as process:
        wait_until(lambda: figure(worker, done) == 1, PATIENCE)
        for child in psutil.Process(process.pid).children():
            os.kill(child.pid, signal.SIGKILL)
        run_python(["-c", SEND], given)
        wait_until(lambda: figure(worker, done) == 2, PATIENCE)
        assert figure(worker, 'celery_task_wait_seconds_count{queue="stockroom"}') >= 2
        wait_until(lambda: figure(shop.base_url, waiting) == 0, PATIENCE)
