"""Background work: what is planned exists, and what it does bears its name."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys

import pytest

from common.observability.context import Cause, current
from config.celery import app


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
