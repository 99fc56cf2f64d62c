"""``/health`` (does this process answer?) and ``/ready`` (should it get requests now?)."""

from __future__ import annotations

import signal
from datetime import UTC, datetime
from functools import wraps
from http import HTTPStatus
from threading import Event
from time import monotonic, time
from typing import TYPE_CHECKING, Any, Final

import psutil
from django.conf import settings
from django.http import HttpResponse, JsonResponse
from django.views.decorators.csrf import csrf_exempt

from common.api.errors import errors_page, problem
from common.observability.machine import machine
from common.observability.probes import UNHEALTHY, Finding, inspection

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import FrameType

    from django.http import HttpRequest

    View = Callable[[HttpRequest], HttpResponse]

METHODS: Final = ("GET", "HEAD")

_started_at: Final = monotonic() - (time() - psutil.Process().create_time())
_stopping: Final = Event()


def stopping() -> None:
    """From now on this process is not ready: whoever balances the load should pass it over."""
    _stopping.set()


def notice_sigterm() -> None:
    """Call ``stopping`` on SIGTERM, then whoever handled it before.

    For gunicorn's ``post_worker_init``: a worker that is told to end gracefully runs no hook, and
    goes on answering on the connections that are open.
    """
    before = signal.getsignal(signal.SIGTERM)

    def stop(number: int, frame: FrameType | None) -> None:
        stopping()
        if callable(before):
            before(number, frame)

    signal.signal(signal.SIGTERM, stop)
    signal.siginterrupt(signal.SIGTERM, False)  # noqa: FBT003  as gunicorn had it


def probed(view: View) -> View:
    """A view for machines that look after us: no key, no other method, nothing stored."""

    @wraps(view)
    def answer(request: HttpRequest) -> HttpResponse:
        response = view(request) if request.method in METHODS else _not_allowed(request)
        response["Cache-Control"] = "no-store"
        return response

    return csrf_exempt(answer)  # or a POST would be refused for its missing token


def _not_allowed(request: HttpRequest) -> HttpResponse:
    detail = f"Only {' and '.join(METHODS)} are allowed here."
    response = errors_page(request, problem(405, "method_not_allowed", detail))
    response["Allow"] = ", ".join(METHODS)
    return response


@probed
def health(_request: HttpRequest) -> HttpResponse:
    """The process answers; nothing that it depends on is asked."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return JsonResponse(
        {
            "status": "healthy",
            "service": settings.SERVICE_NAME,
            "timestamp": now,
            "uptime_seconds": _uptime(),
        }
    )


@probed
def ready(_request: HttpRequest) -> HttpResponse:
    """503 when no request could be served well; all else that fails is only reported."""
    findings = inspection.findings()
    status = _status(findings)
    checks: dict[str, Any] = {name: finding.shown for name, finding in findings.items()}
    return JsonResponse(
        {
            "status": status,
            "service": settings.SERVICE_NAME,
            "version": settings.VERSION,
            "uptime_seconds": _uptime(),
            "checks": checks | {"system": machine.figures()},
        },
        status=HTTPStatus.SERVICE_UNAVAILABLE if status == "not_ready" else HTTPStatus.OK,
    )


def _status(findings: Mapping[str, Finding]) -> str:
    """Unready only without a database, or on the way out; late migrations and the like degrade."""
    failed = {name for name, finding in findings.items() if finding.status == UNHEALTHY}
    if _stopping.is_set() or "database" in failed:
        return "not_ready"
    return "degraded" if failed else "ready"


def _uptime() -> float:
    return round(monotonic() - _started_at, 1)
