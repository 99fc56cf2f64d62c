"""Background work: what is planned exists, and what it does bears its name."""

from __future__ import annotations

import json
import logging
import os
import socket
import subprocess
import sys

import pytest
from celery.beat import Scheduler
from django.conf import settings
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

from common.observability.context import Cause, acting_as, current
from common.observability.logs import get_logger
from config.background import MAIL, QUICK, SLOW, queues
from config.celery import CausedTask, app, name_the_sender
from tests.common.observability.conftest import log_lines  # noqa: F401 - a fixture


@pytest.fixture
def remembered() -> list[Cause]:
    return []


@pytest.fixture
def task(remembered):
    """A task that tells what causes its work; it ends with an error when it is asked to."""

    @app.task(name="remember_the_cause")
    def remember(*, fail: bool = False) -> None:
        remembered.append(current())
        if fail:
            raise RuntimeError

    yield remember
    app.tasks.unregister(remember.name)


def test_every_planned_task_exists():
    app.loader.import_default_modules()
    planned = {entry["task"] for entry in app.conf.beat_schedule.values()}
    assert planned
    assert planned <= set(app.tasks)


def test_a_task_acts_under_its_own_name_and_id(task, remembered):
    task.apply(task_id="the-id-of-the-message")
    assert remembered == [Cause("the-id-of-the-message", "celery:remember_the_cause")]


def test_a_task_that_is_simply_called_has_an_id_too(task, remembered):
    task()
    assert remembered[0].request_id
    assert remembered[0].actor == "celery:remember_the_cause"


@pytest.mark.parametrize("fail", [False, True])
def test_after_a_task_nobody_acts_any_more(task, remembered, fail):
    before = current()
    task.apply(kwargs={"fail": fail})
    assert remembered != [before]
    assert current() == before


SENT_BY_A_THREAD_OF_THE_WEB_PROCESS = """
import json, sys, threading, time
import config.wsgi
from common.idempotency.tasks import sweep_idempotency_records as task

def send():
    began = time.monotonic()
    try:
        task.delay()
        outcome = "sent"
    except Exception as error:
        outcome = type(error).__name__
    print(json.dumps([task.app.main, outcome, time.monotonic() - began]))

thread = threading.Thread(target=send)
thread.start()
"""


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["amqp", "redis"])
def test_a_silent_broker_is_soon_given_up_by_our_app_in_every_thread(scheme):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        broker = f"{scheme}://127.0.0.1:{silent.getsockname()[1]}/0"
        done = subprocess.run(
            [sys.executable, "-c", SENT_BY_A_THREAD_OF_THE_WEB_PROCESS],
            env={**os.environ, "CELERY_BROKER_URL": broker},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
    app_name, outcome, seconds = json.loads(done.stdout)
    assert (app_name, outcome) == ("stockroom", "OperationalError")
    assert seconds < 10


def test_a_worker_never_gives_up_its_broker():
    assert app.conf.broker_connection_max_retries is None
    assert app.conf.broker_connection_retry
    assert app.conf.broker_connection_retry_on_startup


def queue_of(task: str) -> str:
    return str(app.amqp.router.route({}, task)["queue"].name)


def test_a_slow_mail_server_or_a_long_check_waits_in_a_queue_of_its_own():
    assert queue_of("common.notifications.tasks.mail_alerts") == MAIL
    assert queue_of("inventory.tasks.verify_ledger") == SLOW
    assert queue_of("inventory.tasks.expire_reservations") == QUICK
    assert queue_of("anything.else") == QUICK


@pytest.mark.parametrize(
    ("broker", "kind", "arguments"),
    [("amqp://h//", "topic", {"x-queue-type": "quorum"}), ("redis://h/0", "direct", None)],
)
def test_every_queue_has_one_exchange_and_a_key_of_its_own(broker, kind, arguments):
    declared = queues(broker)
    assert [queue.name for queue in declared] == [QUICK, MAIL, SLOW]
    assert [queue.routing_key for queue in declared] == [QUICK, MAIL, SLOW]
    assert {(queue.exchange.name, queue.exchange.type) for queue in declared} == {(QUICK, kind)}
    assert all(queue.queue_arguments == arguments and queue.durable for queue in declared)


def test_a_worker_takes_from_all_queues():
    assert set(app.amqp.queues) == {QUICK, MAIL, SLOW}
    assert app.conf.worker_prefetch_multiplier == 1


def test_beat_can_read_the_plan_and_keeps_the_hours_of_the_warehouse():
    scheduler = Scheduler(app=app)
    assert set(app.conf.beat_schedule) <= set(scheduler.schedule)
    assert app.conf.timezone == settings.TIME_ZONE


def test_what_is_planned_and_taken_by_nobody_is_void_when_the_next_one_comes():
    for entry in app.conf.beat_schedule.values():
        assert entry["options"]["expires"] > 0
        if isinstance(entry["schedule"], float):
            assert entry["options"]["expires"] <= entry["schedule"]


def test_every_task_is_delivered_again_and_ends_in_time():
    app.loader.import_default_modules()
    ours = [task for name, task in app.tasks.items() if not name.startswith("celery.")]
    assert ours
    for task in ours:
        assert task.acks_late
        assert task.reject_on_worker_lost
        hard = task.time_limit or app.conf.task_time_limit
        soft = task.soft_time_limit or app.conf.task_soft_time_limit
        assert 0 < soft < hard < 1_800  # then RabbitMQ ends the worker; after an hour so does Redis


@pytest.mark.parametrize(
    "trouble",
    [OperationalError, InterfaceError, BrokerError, ConnectionResetError],
    ids=["database", "connection", "broker", "network"],
)
def test_trouble_with_database_or_broker_is_tried_again_a_few_times(trouble):
    attempts = []

    @app.task(name="in_trouble")
    def in_trouble() -> None:
        attempts.append(current())
        raise trouble

    assert isinstance(in_trouble.apply(task_id="one-id").result, trouble)
    app.tasks.unregister(in_trouble.name)
    assert attempts == [Cause("one-id", "celery:in_trouble")] * 6


def test_an_error_of_our_own_is_not_tried_again(task, remembered):
    task.apply(kwargs={"fail": True})
    assert len(remembered) == 1


def test_pauses_between_attempts_grow_and_are_irregular():
    assert (CausedTask.retry_backoff, CausedTask.retry_jitter) == (1, True)
    assert CausedTask.retry_backoff_max <= 60
    assert CausedTask.max_retries == 5


def test_a_message_carries_the_request_that_sent_it(task, remembered):
    headers: dict[str, str] = {}
    with acting_as("shop", "request-1"):
        name_the_sender(headers=headers)
    assert headers == {"request_id": "request-1"}
    task.push_request(id="the-task", **headers)
    task()
    task.pop_request()
    assert remembered == [Cause("request-1", "celery:remember_the_cause")]


def test_a_planned_message_carries_no_request():
    headers: dict[str, str] = {}
    name_the_sender(headers=headers)
    assert headers == {}


def test_lines_of_a_task_carry_its_id(task, log_lines):  # noqa: F811
    task.apply(task_id="the-task")
    get_logger("tests").info("afterwards")
    *of_the_task, afterwards = log_lines()
    assert of_the_task
    assert {line["task_id"] for line in of_the_task} == {"the-task"}
    assert "task_id" not in afterwards


def test_lines_about_a_task_from_outside_carry_its_id_too(log_lines):  # noqa: F811
    logging.getLogger("celery.worker.strategy").warning("received", extra={"data": {"id": "T1"}})
    (line,) = log_lines()
    assert line["task_id"] == "T1"
