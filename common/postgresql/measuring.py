"""What statements, transactions and connections cost: counted, and logged where it is much.

The metrics of statements and of new connections are django-prometheus's own, which dashboards
know by name; they are counted here, at a third of what its cursors take (docs/adr/0022).
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from functools import lru_cache
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final
from weakref import finalize

from django.conf import settings
from django.db import Error

from common.observability.logs import get_logger
from common.observability.metrics import (
    database_connections,
    database_transaction_duration,
    slow_queries,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

logger = get_logger(__name__)

LONGEST_SQL: Final = 500
COMMITTED: Final = database_transaction_duration.labels("committed")
ROLLED_BACK: Final = database_transaction_duration.labels("rolled_back")


class Statements:
    """What is counted of the statements to one database, each looked up once."""

    def __init__(self, alias: str, vendor: str) -> None:
        from django_prometheus.db import metrics  # noqa: PLC0415 - reads the settings

        self._names = alias, vendor
        self._errors = metrics.errors_total
        self.executed = metrics.execute_total.labels(alias, vendor)
        self.executed_many = metrics.execute_many_total.labels(alias, vendor)
        self.seconds = metrics.query_duration_seconds.labels(alias, vendor)
        self.connected = metrics.connections_total.labels(alias, vendor)
        self.not_connected = metrics.connection_errors_total.labels(alias, vendor)

    def failed(self, error: Error) -> None:
        """By the driver's name for it, which says more than Django's."""
        self._errors.labels(*self._names, type(error.__cause__ or error).__name__).inc()

    def took(self, seconds: float, *texts: Any) -> None:
        """Statements that were answered together took so long."""
        self.seconds.observe(seconds)
        limit: int = settings.SLOW_QUERY_MS
        if limit and seconds * 1_000 >= limit:
            slow_queries.inc()
            duration_ms = round(seconds * 1_000, 3)
            logger.warning("slow_query", duration_ms=duration_ms, sql=_shortened(texts))


statements_to: Final = lru_cache(maxsize=16)(Statements)


def measured(
    execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]
) -> Any:
    """Run a statement, counting it and the time until it was answered."""
    connection = context["connection"]
    statements: Statements = connection.statements
    rows = len(params) if many and hasattr(params, "__len__") else 1
    statements.executed.inc(rows)
    if many:
        statements.executed_many.inc(rows)
    if connection.sent_together is not None:  # it is on its way, and answered at the block's end
        connection.sent_together.append(sql)
        return execute(sql, params, many, context)
    began = perf_counter()
    try:
        return execute(sql, params, many, context)
    except Error as error:
        statements.failed(error)
        raise
    finally:
        statements.took(perf_counter() - began, sql)


@contextmanager
def measured_together(connection: Any, *texts: str) -> Iterator[None]:
    """Around statements that are sent in one go: they are answered, and measured, as one.

    ``texts`` are those that no cursor of Django's executes.
    """
    connection.statements.executed.inc(len(texts))
    began, connection.sent_together = perf_counter(), [*texts]
    try:
        yield
    except Error as error:
        connection.statements.failed(error)
        raise
    finally:
        sent, connection.sent_together = connection.sent_together, None
        connection.statements.took(perf_counter() - began, *sent)


def count_open(connection: Any) -> Callable[[], object]:
    """Count a connection until it is closed, which calls what is returned, or is forgotten."""
    database_connections.inc()
    closed = finalize(connection, _count_closed, os.getpid())
    closed.atexit = False  # type: ignore[misc]  # a property, which its stubs do not know
    return closed


def _count_closed(owner: int) -> None:
    """Not in a child of its owner, which has begun to count anew."""
    if os.getpid() == owner:
        database_connections.dec()


def _shortened(texts: tuple[Any, ...]) -> str:
    """The statements with their placeholders, on one line; what they are about is never told."""
    share = LONGEST_SQL // max(len(texts), 1)
    words = (" ".join(text.split()) if isinstance(text, str) else "…" for text in texts)
    return "; ".join(text[:share] for text in words)[:LONGEST_SQL]
