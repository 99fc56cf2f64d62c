"""How late the documents are: for Prometheus, and for /ready."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from catalogue.engines import engine
from catalogue.projecting import CATALOGUE
from common.database import database_now
from common.events.lag import Backlog, unnumbered, unread
from common.observability.gauges import gauge
from common.observability.probes import HEALTHY, UNHEALTHY, Finding, own_connection

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

LATE: Final = 10.0
"""Seconds. A document is usually a fifth of a second behind."""


def backlog() -> Backlog:
    """The events that no document shows yet, be it that they have no place in the feed."""
    waiting = [unread(CATALOGUE), unnumbered()]
    moments = [stage.since for stage in waiting if stage.since]
    return Backlog(sum(stage.count for stage in waiting), min(moments, default=None))


def figures() -> Iterable[Metric]:
    """How many events wait, and for how long the first of them has."""
    waiting = backlog()
    yield gauge(
        "catalogue_events_behind",
        "Events that the documents of the catalogue do not show yet.",
        waiting.count,
    )
    yield gauge(
        "catalogue_lag_seconds",
        "Time since the first of these happened; 0 where there are none.",
        waiting.age(database_now()),
    )


def ask_catalogue() -> Finding:
    """The documents can be read, and show what happened ten seconds ago."""
    with own_connection():
        behind = backlog().age(database_now())
        engine.ask()
    if behind > LATE:
        return Finding(UNHEALTHY, f"More than {LATE:g} s behind.")
    return Finding(HEALTHY, "Up to date.")
