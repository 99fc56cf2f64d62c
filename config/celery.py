"""The Celery application: ``celery -A config worker`` and ``celery -A config beat``."""

from __future__ import annotations

import os
from typing import Any

from celery import Celery, Task
from celery.signals import setup_logging

from common.observability.context import acting_as

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")


class CausedTask(Task):  # type: ignore[misc]  # Celery ships no types
    """A task whose writes and log lines say what caused them: the task by its name and its id."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with acting_as(f"celery:{self.name}", self.request.id):
            return self.run(*args, **kwargs)


app = Celery("stockroom", task_cls=CausedTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
app.set_default()  # for threads too: "current" is what it is in this one alone


@setup_logging.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def leave_logging_alone(**_options: Any) -> None:
    """Django's settings have set it up; being connected is what keeps Celery from its own."""
