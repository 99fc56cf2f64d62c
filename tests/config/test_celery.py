"""Background work: what is planned exists, and what it does bears its name."""

from __future__ import annotations

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
