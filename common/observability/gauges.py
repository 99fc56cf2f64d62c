"""Figures that are read from the database and from the brokers when Prometheus asks for them.

Whoever asks, and however often: each process reads them at most once in five seconds, and waits
for them one second at the most. What cannot be read is left out, never a figure of yesterday, and
``figures_up`` says so.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

import psutil
from django.conf import settings
from django.db import transaction
from prometheus_client import Metric
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from common.database import estimated
from common.observability import probes
from common.observability.probes import (
    HEALTHY,
    PATIENCE,
    Finding,
    Inspection,
    Probe,
    own_connection,
)
from common.observability.queues import celery_queues, inbox_queues

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from django.db.models import QuerySet

KEPT: Final = 5.0
"""Seconds for which figures are not read again."""
USABLE: Final = 10.0
"""Seconds for which they will do for whoever comes while they are being read."""
MOST_COUNTED: Final = 10_000
ANSWERING: Final = "database_answers"
"""The probe that asks for no figures: whether PostgreSQL is there has to be known without them."""

of_the_database: Final[list[Callable[[], Iterable[Metric]]]] = []
"""Apps register here in ``AppConfig.ready()`` what tells figures of theirs: every one with short
statements whose cost does not grow with the tables, on the connection of the thread that asks."""


def gauge(name: str, meaning: str, value: float) -> Metric:
    """One figure."""
    return GaugeMetricFamily(name, meaning, value=value)


def gauges(name: str, meaning: str, label: str, values: Mapping[str, float]) -> Metric:
    """A figure for each of a few names, which are known beforehand."""
    family = GaugeMetricFamily(name, meaning, labels=[label])
    for labelled, value in values.items():
        family.add_metric([labelled], value)
    return family


def counted(rows: QuerySet[Any, Any]) -> int:
    """How many there are, up to 10 000.

    They must come in the order of an index: then it alone is read, and no further than that.
    """
    return rows[:MOST_COUNTED].count()


def about(rows: QuerySet[Any, Any]) -> int:
    """The same; 10 000 and more are as many as PostgreSQL expects by its statistics.

    It is good at that where one column decides, and bad where two do.
    """
    count = counted(rows)
    return count if count < MOST_COUNTED else max(MOST_COUNTED, estimated(rows))


@dataclass(frozen=True, slots=True)
class Figured(Finding):
    """A source that answered, with its figures."""

    families: tuple[Metric, ...] = ()


def _answer(families: Iterable[Metric]) -> Figured:
    return Figured(HEALTHY, "Read.", families=tuple(families))


def ask_database() -> Finding:
    """All that apps have registered; PostgreSQL stops working on it when nobody waits any more."""
    with own_connection() as connection, transaction.atomic():
        with connection.cursor() as cursor:
            limit = str(int(PATIENCE * 1_000))
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [limit])
        return _answer(family for figures in of_the_database for family in figures())


def ask_broker() -> Finding:
    """How many tasks wait, by the name of their queue."""
    waiting = celery_queues()
    meaning = "Tasks that no worker has taken yet."
    return _answer([gauges("celery_queue_messages", meaning, "queue", waiting)])


def ask_events_broker() -> Finding:
    """How many messages of other systems wait, or are dead."""
    waiting = inbox_queues()
    meaning = "Messages of other systems that no consumer has taken; in .dead they wait for people."
    return _answer([gauges("inbox_queue_messages", meaning, "queue", waiting)])


class Figures(Collector):
    """All of them, for a registry of Prometheus. Answers within a second, whatever is away."""

    @cached_property
    def _sources(self) -> Inspection:
        asked = {
            ANSWERING: Probe(probes.ask_database),
            "database": Probe(ask_database),
            "broker": Probe(ask_broker),
        }
        if settings.EVENTS_BROKER_URL:
            asked["events_broker"] = Probe(ask_events_broker)
        return Inspection(KEPT, USABLE, **asked)

    def collect(self) -> Iterator[Metric]:
        findings = self._sources.findings()
        up = {name: float(finding.status == HEALTHY) for name, finding in findings.items()}
        meaning = "1 where PostgreSQL answers, be it too slow to be asked for figures."
        yield gauge("database_up", meaning, up.pop(ANSWERING))
        yield gauges("figures_up", "1 where the source of figures answered.", "source", up)
        version = {settings.VERSION: 1.0}
        yield gauges("stockroom_info", "What runs: 1, by its version.", "version", version)
        disk = psutil.disk_usage("/")
        yield gauge("disk_size_bytes", "Of the disk that this process runs on.", disk.total)
        yield gauge("disk_free_bytes", "Of these, what is left for us.", disk.free)
        for finding in findings.values():
            if isinstance(finding, Figured):
                yield from finding.families

    def describe(self) -> list[Metric]:
        """So that nobody asks when it is registered."""
        return []


figures: Final = Figures()
