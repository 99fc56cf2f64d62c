"""How this project talks to PostgreSQL: transactions, the database's clock, saved round trips."""

from __future__ import annotations

import json
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any, Final, ParamSpec, TypeVar

from django.core.exceptions import EmptyResultSet
from django.db import (
    DEFAULT_DB_ALIAS,
    DatabaseError,
    IntegrityError,
    NotSupportedError,
    OperationalError,
    connection,
    connections,
    models,
    transaction,
)

from common.errors import Duplicate
from common.observability import tracing_sql
from common.observability.refusals import counting_refusals
from common.postgresql.measuring import measured_together

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from datetime import datetime

    from django.db.backends.utils import CursorWrapper

P = ParamSpec("P")
R = TypeVar("R")

DEADLOCK_DETECTED = "40P01"
SERIALIZATION_FAILURE = "40001"
PLAN_IS_OLD = "0A000"
"""FEATURE_NOT_SUPPORTED: said of a prepared statement whose columns have another type by now."""
LOCK_NOT_AVAILABLE = "55P03"
QUERY_CANCELED = "57014"
ATTEMPTS = 3


class ClockTimestamp(models.Func):
    """The database's clock at this very moment; ``now()`` is when the transaction began."""

    function = "clock_timestamp"
    arity = 0
    output_field = models.DateTimeField()


class NextOf(models.Func):
    """The next value of a sequence, for a column's default."""

    function = "nextval"
    arity = 1
    output_field = models.BigIntegerField()

    def __init__(self, sequence: str) -> None:
        super().__init__(models.Value(sequence))


class IsTrue(models.Func):
    """A comparison that is true: neither false nor unknown.

    PostgreSQL's statistics on an expression tell of this form alone.
    """

    template = "(%(expressions)s) IS TRUE"
    arity = 1
    output_field = models.BooleanField()


def in_transaction(operation: Callable[P, R]) -> Callable[P, R]:
    """Run an operation in the caller's transaction, or in one of its own.

    Joining opens no savepoint: a refusal raised before the first write leaves the caller's
    transaction usable, so an idempotency record can commit together with the refusal. The
    outermost call is repeated whole, at most three times, after a deadlock or a serialization
    failure: PostgreSQL has rolled everything back, so nothing happens twice.

    What it refuses is counted, for apps that want that (``common.observability.refusals``).
    """
    counted = counting_refusals(operation)

    @wraps(operation)
    def joined(*args: P.args, **kwargs: P.kwargs) -> R:
        if connection.in_atomic_block:
            return counted(*args, **kwargs)
        for attempt in range(1, ATTEMPTS + 1):
            try:
                with transaction.atomic(), _commit_comes_next():
                    return counted(*args, **kwargs)
            except (OperationalError, NotSupportedError) as error:
                if attempt == ATTEMPTS or not is_conflict(error):
                    raise
        raise AssertionError("unreachable")

    return joined


@contextmanager
def _commit_comes_next() -> Iterator[None]:
    """Around an outermost operation: what it writes last may wait for the commit."""
    own: Any = connection
    own.commit_comes_next = True
    try:
        yield
    finally:
        own.commit_comes_next = False


def sqlstate(error: DatabaseError) -> str | None:
    """The five-character SQLSTATE that PostgreSQL gave, or None when it could not be asked."""
    return getattr(error.__cause__, "sqlstate", None)


def is_conflict(error: DatabaseError) -> bool:
    """Two transactions got in each other's way, and running this one again may succeed.

    So does a migration that changes the type of a column, with what was planned before.
    """
    return sqlstate(error) in {DEADLOCK_DETECTED, SERIALIZATION_FAILURE, PLAN_IS_OLD}


@contextmanager
def unless_taken(keys: Mapping[str, str]) -> Iterator[None]:
    """Refuse with Duplicate what violates a unique constraint; ``keys`` names their attributes.

    Around a write that looked first in vain: another may take the key meanwhile. A savepoint
    keeps the caller's transaction usable.
    """
    try:
        with transaction.atomic():
            yield
    except IntegrityError as error:
        constraint = error.__cause__.diag.constraint_name  # type: ignore[union-attr]  # psycopg's
        attribute = keys.get(constraint)
        if attribute is None:
            raise
        raise Duplicate(f"This {attribute} is taken.", attribute=attribute) from error


@contextmanager
def one_moment() -> Iterator[None]:
    """All that this block reads is of one moment, and PostgreSQL lets it write and lock nothing.

    In a transaction of somebody else the moment is that of each statement.
    """
    of_its_own = not connection.in_atomic_block
    level = "ISOLATION LEVEL REPEATABLE READ, " if of_its_own else ""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(f"SET TRANSACTION {level}READ ONLY")
        yield


def database_now() -> datetime:
    """The database's clock, read now: the one clock that judges expiry."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        (moment,) = cursor.fetchone()
    return moment  # type: ignore[no-any-return]  # the driver's row is untyped


estimators: Final[dict[str, Callable[[Any], int]]] = {}
"""How other databases than PostgreSQL tell it, by Django's name of theirs."""


def estimated(rows: models.QuerySet[Any]) -> int:
    """The number of rows that PostgreSQL's planner expects; it reads none of them."""
    if own := estimators.get(connections[rows.db].vendor):
        return own(rows)
    try:
        sql, parameters = rows.order_by().values("pk").query.sql_with_params()
    except EmptyResultSet:  # Django sees by itself that nothing can match
        return 0
    with connections[rows.db].cursor() as cursor:
        cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}", parameters)
        (plan,) = cursor.fetchone()
    plan = plan if isinstance(plan, list) else json.loads(plan)
    return int(plan[0]["Plan"]["Plan Rows"])


def after_commit(act: Callable[P, object], *args: P.args, **kwargs: P.kwargs) -> None:
    """Do something once this transaction has been committed, and only then.

    If it fails, that is logged and harms nobody: what was committed stays true. (A ``partial``
    given to ``on_commit`` would not do: Django logs a name that it does not have, and fails.)
    """

    def run() -> None:
        act(*args, **kwargs)

    transaction.on_commit(run, robust=True)


def preparing_cursor() -> CursorWrapper:
    """For statements of ours that come with every sale; PostgreSQL plans them once."""
    own: Any = connection
    return own.preparing_cursor()  # type: ignore[no-any-return]  # a cursor of Django's


def write(statement: str, parameters: Sequence[Any] | Mapping[str, Any]) -> None:
    """Execute a statement whose answer nobody needs.

    For writes under a row lock: every round trip is time in which nobody else can sell that
    product. In a transaction of ``in_transaction`` such statements are sent together with the
    commit, or before the next other statement; in one of somebody else, at once. An error
    surfaces when they are sent, and rolls the transaction back as usual.
    """
    own: Any = connection
    own.write(statement, parameters)


@contextmanager
def one_round_trip(alias: str = DEFAULT_DB_ALIAS) -> Iterator[None]:
    """Send the statements of this block together; PostgreSQL answers them all at the end.

    The BEGIN of a transaction that begins with them goes along. An error surfaces at the end of
    the block, and rolls the transaction back as usual.
    """
    used: Any = connections[alias]
    used.ensure_connection()
    used.send_what_was_left()
    span = tracing_sql.around("one round trip")
    with measured_together(used), span, used.wrap_database_errors, used.connection.pipeline():
        yield
