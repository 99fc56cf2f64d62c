"""Metrics of the peer, in the way of prometheus_client for several processes.

They share the folder that PROMETHEUS_MULTIPROC_DIR names: whichever is asked tells of all.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any, Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

if TYPE_CHECKING:
    from collections.abc import Mapping

ADDRESS: Final = "/metrics"
SECONDS: Final = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1),
    *(0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
)
METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

duration: Final = Histogram(
    "http_request_duration_seconds",
    "Time to answer a request.",
    ["route", "method", "status"],
    buckets=SECONDS,
)
in_progress: Final = Gauge(
    "http_requests_in_progress", "Requests being answered now.", multiprocess_mode="livesum"
)
_found: Final[dict[tuple[str, str, int], Histogram]] = {}


def begin() -> None:
    in_progress.inc()


def end(scope: Mapping[str, Any], status: int, began: float) -> None:
    """The request is answered, since ``began`` of ``perf_counter()``."""
    route = scope.get("route")
    name = getattr(route, "path", "unmatched"), scope["method"], status
    found = _found.get(name)
    if found is None:
        method = name[1] if name[1] in METHODS else "other"
        found = duration.labels(name[0], method, status)
        if method != "other":  # whatever clients ask for, what is remembered is bounded
            _found[name] = found
    found.observe(time.perf_counter() - began)
    in_progress.dec()


def exposition() -> bytes:
    """What all processes have counted, as Prometheus reads it."""
    registry = CollectorRegistry()
    MultiProcessCollector(registry)
    return generate_latest(registry)


def leave() -> None:
    """This process ends: nothing is in progress here any more."""
    mark_process_dead(os.getpid())
