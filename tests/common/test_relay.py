"""The relay's duties go on whatever happens, and end when they are told to."""

from __future__ import annotations

import threading

import pytest
from django.db import OperationalError

from common import relay
from common.relay import IDLE, LONGEST_PAUSE, Duty
from tests.running import own_environment, running_python


def duty(*outcomes: object) -> Duty:
    """One that has these outcomes in turn."""
    left = list(outcomes)

    def act() -> int:
        outcome = left.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return int(str(outcome))

    return Duty("a duty", act)


class Remembering:
    """A logger that keeps level and event."""

    def __init__(self, told: list[tuple[str, str]]) -> None:
        self._told = told

    def __getattr__(self, level: str):
        return lambda event, **_fields: self._told.append((level, event))


@pytest.mark.django_db
def test_while_there_is_something_to_do_it_does_not_rest():
    assert duty(7)._once() == 0


@pytest.mark.django_db
def test_with_nothing_to_do_it_looks_again_soon():
    assert duty(0)._once() == IDLE


@pytest.mark.django_db
@pytest.mark.parametrize("trouble", [OperationalError, ConnectionError, RuntimeError])
def test_after_trouble_of_any_kind_it_waits_longer_and_longer_and_goes_on(trouble):
    one = duty(*[trouble()] * 10, 1)
    pauses = [one._once() for _ in range(11)]
    assert pauses[:9] == sorted(pauses[:9])
    assert pauses[0] > IDLE
    assert pauses[9] == LONGEST_PAUSE
    assert pauses[10] == 0


@pytest.mark.django_db
def test_an_outage_of_hours_is_survived():
    one = duty(OperationalError())
    one.failures = 2_000
    assert one._once() == LONGEST_PAUSE


@pytest.mark.django_db
def test_an_outage_is_told_once_and_a_bug_each_time(monkeypatch):
    told = []
    monkeypatch.setattr(relay, "logger", Remembering(told))
    one = duty(OperationalError(), OperationalError(), RuntimeError(), RuntimeError(), 1)
    for _ in range(5):
        one._once()
    assert told == [
        ("warning", "duty_failed"),
        ("error", "duty_broken"),
        ("error", "duty_broken"),
        ("info", "duty_recovered"),
    ]


@pytest.mark.django_db(transaction=True)
def test_it_ends_when_it_is_told_to():
    stop, begun = threading.Event(), threading.Event()

    def act() -> int:
        begun.set()
        return 0

    thread = threading.Thread(target=Duty("a duty", act).run, args=[stop])
    thread.start()
    assert begun.wait(30)
    stop.set()
    thread.join(30)
    assert not thread.is_alive()


ASKED_AT_ONCE = """
import os, signal, threading
import django
django.setup()
from django.core.management import call_command
start = threading.Thread.start
def start_and_be_asked(thread):
    start(thread)
    if thread.name == "relay":
        os.kill(os.getpid(), signal.SIGTERM)
threading.Thread.start = start_and_be_asked
call_command("relay")
"""


@pytest.mark.slow
def test_asked_to_end_in_the_moment_in_which_it_begins_it_ends(tmp_path):
    settings = {"DATABASE_URL": "postgres://nobody@127.0.0.1:1/none", "LOG_LEVEL": "INFO"}
    given = own_environment(tmp_path, settings) | {"DJANGO_SETTINGS_MODULE": "config.settings"}
    with running_python(["-c", ASKED_AT_ONCE], given, tmp_path / "log") as process:
        assert process.wait(60) == 0, (tmp_path / "log").read_text()
    assert "relay_started" in (tmp_path / "log").read_text()


def test_without_a_broker_nothing_is_published(settings):
    settings.EVENTS_BROKER_URL = ""
    assert [one.name for one in relay.duties()] == ["number", "fan_out"]
    settings.EVENTS_BROKER_URL = "amqp://rabbitmq"
    assert "publish" in [one.name for one in relay.duties()]
