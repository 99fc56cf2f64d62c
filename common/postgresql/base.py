"""The database backend; Django finds it by this module's name."""

from __future__ import annotations

import select
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

import psycopg
from django.conf import settings
from django.db.backends.postgresql import base

from common.observability import tracing_sql
from common.people.audit import tell_cause
from common.postgresql.measuring import (
    COMMITTED,
    ROLLED_BACK,
    count_open,
    measured,
    measured_together,
    statements_to,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from prometheus_client import Histogram


PLAN_ONCE: Final = "SET plan_cache_mode = force_generic_plan"
"""Only statements of ``preparing_cursor`` are prepared. PostgreSQL takes their arrays for longer
than they are, and would plan each anew."""


class DatabaseWrapper(base.DatabaseWrapper):
    """Looks at a kept connection before its next use, without a round trip while all is well.

    A server that ends a session says so, or its machine closes the line: either way there is
    something to read. While there is nothing, ``SELECT 1`` could tell no more.

    Before it writes to a table with an audit trail, the trail's triggers are told for whom.
    Statements, transactions and connections are measured.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.statements = statements_to(self.alias, self.vendor)
        self.sent_together: list[Any] | None = None
        self._began_at: float | None = None
        self._count_closed: Callable[[], object] | None = None
        self.commit_comes_next = False
        """The transaction is one of ours, and ends when the operation that began it returns."""
        self._left: list[tuple[str, Any]] = []
        self.execute_wrappers += [_after_what_was_left, tell_cause, measured]
        if settings.TRACES:
            self.execute_wrappers.append(tracing_sql.traced)

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        self.statements.connected.inc()
        try:
            made = super().get_new_connection(conn_params)
        except Exception:
            self.statements.not_connected.inc()
            raise
        self._count_closed = count_open(made)
        if not is_pooled(made):
            made.prepare_threshold = 0
            made.execute(PLAN_ONCE)
            made.commit()
        return made

    def preparing_cursor(self) -> Any:
        """For statements that come again and again: PostgreSQL plans them once for a connection.

        Unless that leads to a pooler, behind which the next transaction has another server
        process. Ordinary cursors put the values into the text, which is planned each time.
        """
        self.ensure_connection()
        return self._prepare_cursor(psycopg.Cursor(self.connection))  # type: ignore[attr-defined]  # nor this

    def _set_autocommit(self, autocommit: bool) -> None:  # noqa: FBT001  as there
        super()._set_autocommit(autocommit)  # type: ignore[misc]  # not in Django's stubs
        self._began_at = None if autocommit else perf_counter()

    def write(self, statement: str, parameters: Any) -> None:
        """Execute a statement whose answer nobody needs: with the commit, if that comes next."""
        if self.commit_comes_next:
            self._left.append((statement, parameters))
        else:
            with self.cursor() as cursor:
                cursor.execute(statement, parameters)

    def send_what_was_left(self, *last: str) -> None:
        """The statements that waited, in one round trip; none is executed after a failure."""
        left, self._left = self._left, []
        if not left:
            return
        texts = [statement for statement, _ in left]
        span = tracing_sql.around(tracing_sql.name_of(texts[0]))
        answered = measured_together(self, *texts)
        with span, answered, self.wrap_database_errors, self.connection.pipeline():
            cursor = psycopg.Cursor(self.connection)
            for statement, parameters in left:
                cursor.execute(statement, parameters)
            for statement in last:
                cursor.execute(statement)

    def _commit(self) -> None:
        """With its span: it is what waits for the disk."""
        with tracing_sql.around("COMMIT"):
            self.send_what_was_left("COMMIT")
            super()._commit()  # type: ignore[misc]  # not in Django's stubs
        self._end(COMMITTED)

    def _savepoint_rollback(self, sid: str) -> None:
        self._left = []  # what came before the savepoint was sent before it
        super()._savepoint_rollback(sid)  # type: ignore[misc]  # not in Django's stubs

    def _rollback(self) -> None:
        self._left = []
        try:
            super()._rollback()  # type: ignore[misc]  # not in Django's stubs
        finally:
            self._end(ROLLED_BACK)

    def _close(self) -> None:
        """PostgreSQL rolls back what was begun."""
        self._left = []
        try:
            super()._close()  # type: ignore[misc]  # not in Django's stubs
        finally:
            if self._count_closed is not None:
                self._count_closed()
            self._end(ROLLED_BACK)

    def _end(self, outcome: Histogram) -> None:
        if self._began_at is not None:
            outcome.observe(perf_counter() - self._began_at)
            self._began_at = None

    def is_usable(self) -> bool:
        if self.connection is None or self.connection.closed:
            return False
        line = select.poll()
        line.register(self.connection.fileno(), select.POLLIN | select.POLLPRI)
        return not line.poll(0) or bool(super().is_usable())


def is_pooled(connection: psycopg.Connection[Any]) -> bool:
    """Whether a pooler stands between: it makes up the number of the server process."""
    row: Any = connection.execute("SELECT pg_backend_pid()").fetchone()
    connection.rollback()
    return bool(row[0] != connection.info.backend_pid)


def _after_what_was_left(
    execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]
) -> Any:
    """Run a statement, and before it those that waited: it may ask for what they wrote."""
    context["connection"].send_what_was_left()
    return execute(sql, params, many, context)
