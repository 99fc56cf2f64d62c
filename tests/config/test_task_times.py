"""What is counted of tasks, without a worker; tests/config/test_worker_metrics.py has one."""

from __future__ import annotations

from time import time
from types import SimpleNamespace

import pytest
from celery.exceptions import TimeLimitExceeded
from celery.signals import task_failure, task_unknown
from prometheus_client import REGISTRY

from common.observability.task_times import note_wait, stamp
from config.background import SLOW
from config.celery import app


def count(task: str, outcome: str) -> float:
    labels = {"task": task, "outcome": outcome}
    return REGISTRY.get_sample_value("celery_task_duration_seconds_count", labels) or 0.0


def seconds(task: str, outcome: str) -> float:
    labels = {"task": task, "outcome": outcome}
    return REGISTRY.get_sample_value("celery_task_duration_seconds_sum", labels) or 0.0


def waited(queue: str) -> tuple[float, float]:
    """How many have, and how long in all."""
    names = ("celery_task_wait_seconds_count", "celery_task_wait_seconds_sum")
    values = [REGISTRY.get_sample_value(name, {"queue": queue}) for name in names]
    return values[0] or 0.0, values[1] or 0.0


@pytest.fixture
def task():
    @app.task(name="counted", bind=True, max_retries=1)
    def counted(self, outcome: str) -> None:
        if outcome == "failed":
            raise RuntimeError
        if outcome == "retried":
            raise self.retry(countdown=0)

    yield counted
    app.tasks.unregister(counted.name)


@pytest.mark.parametrize("outcome", ["succeeded", "failed", "retried"])
def test_a_task_is_counted_by_its_outcome(task, outcome):
    before = count("counted", outcome)
    task.apply(args=[outcome])
    assert count("counted", outcome) > before


def test_a_name_that_is_not_in_the_registry_is_none():
    @app.task(name="made up elsewhere")
    def elsewhere() -> None:
        app.tasks.unregister("made up elsewhere")

    before = count("unknown", "succeeded")
    elsewhere.apply()
    assert count("unknown", "succeeded") == before + 1
    assert count("made up elsewhere", "succeeded") == 0


def test_a_message_that_nobody_understands_is_counted():
    before = count("unknown", "failed")
    task_unknown.send(sender=None, name="anything", id="1", message=None, exc=None)
    assert count("unknown", "failed") == before + 1


def test_one_that_is_killed_at_its_limit_took_that_long(task):
    before = seconds("counted", "failed")
    task_failure.send(sender=task, task_id="1", exception=TimeLimitExceeded(600))
    task_failure.send(sender=task, task_id="1", exception=RuntimeError())
    assert seconds("counted", "failed") == pytest.approx(before + 600, abs=5)


def test_a_message_tells_when_it_was_sent_and_its_wait_is_counted_by_queue():
    headers: dict[str, float] = {}
    stamp(headers=headers)
    assert headers["sent_at"] == pytest.approx(time(), abs=30)
    request = SimpleNamespace(sent_at=time() - 100, eta=None, delivery_info={"routing_key": SLOW})
    before = waited(SLOW)
    note_wait(task=SimpleNamespace(request=request))
    assert waited(SLOW) == (before[0] + 1, pytest.approx(before[1] + 100, abs=30))


@pytest.mark.parametrize("more", [{"eta": "2030-01-01"}, {"sent_at": None}, {"sent_at": "x"}])
def test_one_that_was_put_off_or_tells_nothing_has_not_waited(more):
    given = {"sent_at": time(), "eta": None, "delivery_info": {"routing_key": SLOW}}
    before = waited(SLOW)
    note_wait(task=SimpleNamespace(request=SimpleNamespace(**given | more)))
    assert waited(SLOW) == before


def test_a_queue_that_somebody_else_made_up_has_no_name():
    before = waited("unknown")[0]
    given = {"sent_at": time() + 5, "eta": None, "delivery_info": {"routing_key": "made-up"}}
    note_wait(task=SimpleNamespace(request=SimpleNamespace(**given)))
    assert waited("unknown") == (before + 1, pytest.approx(0, abs=1e-9))
