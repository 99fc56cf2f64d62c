"""Let several threads do something at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import TYPE_CHECKING, ParamSpec, TypeVar

from django.db import connection, connections

if TYPE_CHECKING:
    from collections.abc import Callable

P = ParamSpec("P")
T = TypeVar("T")

PATIENCE = 10.0  # seconds for every thread to get to the start


def race(run: Callable[[int], T], workers: int) -> list[T | Exception]:
    """Call ``run(0)`` to ``run(workers - 1)`` at once, each in a thread of its own.

    Returns what each one returned, or the exception it raised. Needs
    ``django_db(transaction=True)``: each thread has a connection of its own, and closes it.
    """
    start = Barrier(workers, timeout=PATIENCE)

    def one(number: int) -> T | Exception:
        try:
            _be_patient()  # before the start: connecting takes the longest
            start.wait()
            return _outcome(run, number)
        finally:
            connections.close_all()

    with ThreadPoolExecutor(workers) as threads:
        return list(threads.map(one, range(workers)))


def _be_patient() -> None:
    """Wait for locks as long as it takes: a busy machine is no reason to lose a race."""
    with connection.cursor() as cursor:
        cursor.execute("SET lock_timeout = '30s'; SET statement_timeout = '30s'")


def _outcome(run: Callable[[int], T], number: int) -> T | Exception:
    try:
        return run(number)
    except Exception as error:
        return error


def in_a_thread(act: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Act with a connection of the thread's own, which is closed in the end."""
    try:
        return act(*args, **kwargs)
    finally:
        connections.close_all()


def waiting_for_a_lock() -> int:
    """How many sessions of this database do, at this moment."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_stat_activity"
            " WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        (waiting,) = cursor.fetchone()
    return int(waiting)


def somebody_waits_for_a_lock() -> bool:
    return waiting_for_a_lock() > 0
