"""The spans of Celery's tasks: a task goes on with the trace of whoever sent it."""

from __future__ import annotations

from typing import Any

from celery.signals import (
    before_task_publish,
    task_postrun,
    task_prerun,
    worker_process_init,
    worker_process_shutdown,
)

from common.observability import tracing


@worker_process_init.connect  # type: ignore[untyped-decorator]  # Celery ships no types
def begin(**_more: Any) -> None:
    """In the process that runs tasks: threads of the one before it are not there any more."""
    tracing.begin("worker")


@worker_process_shutdown.connect  # type: ignore[untyped-decorator]  # likewise
def end(**_more: Any) -> None:
    tracing.end()


@before_task_publish.connect  # type: ignore[untyped-decorator]  # likewise
def tell_the_worker(headers: dict[str, Any], **_more: Any) -> None:
    """A task that is tried again goes on where it failed, not where it was sent first."""
    headers.update(tracing.here() or {})


@task_prerun.connect  # type: ignore[untyped-decorator]  # likewise
def open_span(task: Any, **_more: Any) -> None:
    if not tracing.is_on():
        return
    request = task.request
    headers = {name: getattr(request, name, None) for name in ("traceparent", "tracestate")}
    about = {
        "messaging.system": "celery",
        "messaging.operation.type": "process",
        "messaging.destination.name": (request.delivery_info or {}).get("routing_key"),
        "messaging.message.id": request.id,
        "stockroom.request_id": getattr(request, "request_id", None) or request.id,
        "stockroom.retries": request.retries,
    }
    request.span = tracing.entered(headers, f"run {task.name}", "consumer", about)
    request.span.__enter__()


@task_postrun.connect  # type: ignore[untyped-decorator]  # likewise
def close_span(task: Any, state: str | None = None, **_more: Any) -> None:
    """A task that failed or will be tried again did not do its work."""
    span = getattr(task.request, "span", None)
    if span is None:
        return
    if state != "SUCCESS":
        span.fail((state or "unknown").lower())
    span.__exit__(None, None, None)
