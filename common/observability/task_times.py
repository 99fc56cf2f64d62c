"""How long tasks wait and how long they take: counted in the process that runs them."""

from __future__ import annotations

from time import perf_counter, time
from typing import Any, Final

from celery.exceptions import TimeLimitExceeded
from celery.signals import (
    before_task_publish,
    task_failure,
    task_postrun,
    task_prerun,
    task_unknown,
    worker_init,
    worker_process_init,
)
from django.conf import settings

from common.observability import sharing
from common.observability.metrics import celery_task_duration, celery_task_wait

SENT_AT: Final = "sent_at"
UNKNOWN: Final = "unknown"
OUTCOMES: Final = {"SUCCESS": "succeeded", "RETRY": "retried"}
"""By Celery's name of the state; any other is a failure."""


@worker_init.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def begin_to_report(**_more: Any) -> None:
    from common.observability.metrics_port import report_as  # noqa: PLC0415 - needs Django set up

    report_as("worker", forks=True)


@worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def count_with_the_others(**_more: Any) -> None:
    if sharing.is_shared():
        sharing.share_as("worker")


@before_task_publish.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def stamp(headers: dict[str, Any], **_more: Any) -> None:
    """The message tells when it was sent; one that is sent again has waited anew."""
    headers[SENT_AT] = time()


@task_prerun.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def note_wait(task: Any, **_more: Any) -> None:
    """Between machines whose clocks differ it is as wrong as they are, and never below 0."""
    request = task.request
    request.began = perf_counter()
    sent_at = getattr(request, SENT_AT, None)
    if isinstance(sent_at, float) and not request.eta:  # who names a time wants to wait
        celery_task_wait.labels(queue=_queue(request)).observe(max(0.0, time() - sent_at))


@task_postrun.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def note_duration(task: Any, state: str | None = None, **_more: Any) -> None:
    began = getattr(task.request, "began", None)
    if began is not None:
        _count(task, OUTCOMES.get(state or "", "failed"), perf_counter() - began)


@task_failure.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def note_cut_off(sender: Any, exception: BaseException | None = None, **_more: Any) -> None:
    """A task that was killed at its time limit ends without a word: the main process tells."""
    if isinstance(exception, TimeLimitExceeded):
        _count(sender, "failed", float(exception.args[0]))


@task_unknown.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def note_unknown(**_more: Any) -> None:
    """A task of another version, which nobody here can do."""
    celery_task_duration.labels(task=UNKNOWN, outcome="failed").observe(0.0)


def _count(task: Any, outcome: str, seconds: float) -> None:
    name = task.name if task.name in task.app.tasks else UNKNOWN
    celery_task_duration.labels(task=name, outcome=outcome).observe(seconds)


def _queue(request: Any) -> str:
    """Whoever sends a message may name any queue: only those that we know are counted."""
    named = (request.delivery_info or {}).get("routing_key")
    return named if named in {queue.name for queue in settings.CELERY_TASK_QUEUES} else UNKNOWN
