"""Requests as Prometheus sees them: how many are being answered, and how long each one took.

On the path of every cached read: what a request is counted under is looked up once.
"""

from __future__ import annotations

from functools import partial
from time import perf_counter
from typing import TYPE_CHECKING, Final

from django.conf import settings

from common.observability.metrics import http_request_duration, http_requests_in_progress

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase
    from prometheus_client import Histogram

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
OTHER: Final = "other"
UNMATCHED: Final = "unmatched"
STATIC: Final = f"{settings.STATIC_URL}<path>"
SCRAPED: Final = frozenset({"/metrics", "/metrics/"})
"""Where Prometheus reads these very figures: it would always find itself among them."""

_found: Final[dict[tuple[str | None, str | None, int], Histogram]] = {}


def begin(request: HttpRequest) -> bool:
    """Count a request as being answered, until ``end`` or ``give_up``; False if it is none."""
    if request.path_info in SCRAPED:
        return False
    http_requests_in_progress.inc()
    return True


def give_up() -> None:
    """It ended without an answer."""
    http_requests_in_progress.dec()


def end(request: HttpRequest, response: HttpResponseBase, route: str | None, began: float) -> None:
    """It is answered, since ``began`` of ``perf_counter()``; an answer that is made while it is
    sent, once the web server has closed it.
    """
    if route is None and request.path_info.startswith(settings.STATIC_URL):
        route = STATIC
    durations = _durations(route, request.method, response.status_code)
    if response.streaming:
        response._resource_closers.append(partial(_observe, durations, began))  # type: ignore[attr-defined]  # noqa: SLF001  as Django's own file responses do
    else:
        _observe(durations, began)


def _observe(durations: Histogram, began: float) -> None:
    durations.observe(perf_counter() - began)
    http_requests_in_progress.dec()


def _durations(route: str | None, method: str | None, status: int) -> Histogram:
    """Bounded, whatever clients ask for: a method has one of few names, a route is one of ours."""
    name = route, method if method in METHODS else OTHER, status
    found = _found.get(name)
    if found is None:
        found = _found[name] = http_request_duration.labels(route or UNMATCHED, *name[1:])
    return found
