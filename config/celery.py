"""The Celery application: ``celery -A config worker`` and ``celery -A config beat``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.signals import before_task_publish, setup_logging, task_postrun, task_prerun
from django.db import InterfaceError, OperationalError
from kombu.exceptions import OperationalError as BrokerError

from common.observability import task_times as task_times  # noqa: PLC0414 - likewise
from common.observability import tracing_tasks as tracing_tasks  # noqa: PLC0414 - connects itself
from common.observability.context import acting_as, current
from config import heartbeat as heartbeat  # noqa: PLC0414 - likewise

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class CausedTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task whose writes and log lines say what caused them: the task by its name and its id.

    While database or broker are in trouble it is tried again, at growing and irregular intervals
    so that not all tasks come back at once. After the last try the next planned one does the work.
    """

    autoretry_for = (OperationalError, InterfaceError, BrokerError, ConnectionError)
    max_retries = 5
    retry_backoff = 1  # second; then 2, 4, 8, 16, of which a random part is waited
    retry_backoff_max = 60
    retry_jitter = True

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with _acting(self):
            return self.run(*args, **kwargs)


app = Celery("stockroom", task_cls=CausedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # for threads too: "current" is what it is in this one alone


def _acting(task: Any) -> Any:
    """On behalf of the request that sent the task; a planned task is a cause of its own."""
    sent_by = getattr(task.request, "request_id", None) or task.request.id
    return acting_as(f"celery:{task.name}", sent_by, task_id=task.request.id or "")


@before_task_publish.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def name_the_sender(headers: dict[str, Any], **_more: Any) -> None:
    """The message carries the request's id; so does one that is sent again."""
    if request_id := current().request_id:
        headers["request_id"] = request_id


@task_prerun.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def begin_to_act(task: Any, **_more: Any) -> None:
    """From here on Celery's own lines about the task carry its ids too."""
    task.request.acting = _acting(task)
    task.request.acting.__enter__()


@task_postrun.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def cease_to_act(task: Any, **_more: Any) -> None:
    if acting := getattr(task.request, "acting", None):
        acting.__exit__(None, None, None)


@setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def leave_logging_alone(**_options: Any) -> None:
    """Django's settings have set it up; being connected is what keeps Celery from its own."""
