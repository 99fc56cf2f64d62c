"""How long a caller waits: what is left of that bounds what is done for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, TypeVar

from django.db import connection

from common.database import in_transaction
from common.rpc.errors import OutOfTime

if TYPE_CHECKING:
    from collections.abc import Callable

    from grpc import ServicerContext

T = TypeVar("T")

LONGEST_LOCK: Final = 2.5
"""Seconds for which a row is waited for at most, whoever wants it (docs/locking.md)."""
LIMIT: Final = "SELECT set_config('statement_timeout', %s, true)"
"""Waiting for a lock is part of a statement, and has its own, shorter limit as before."""


def check(context: ServicerContext) -> None:
    """Do not begin what nobody waits for any more. Refuses with OutOfTime."""
    if not context.is_active() or context.time_remaining() <= 0:
        raise OutOfTime


def has_passed(context: ServicerContext) -> bool:
    return context.time_remaining() <= 0


def within(seconds: float, work: Callable[[], T]) -> T:
    """Do work that writes; none of its statements, and no lock, takes longer than this.

    In one transaction then, for such a limit ends with it. Whoever has more time than a row is
    waited for anyway is spared the round trip.
    """
    return work() if seconds >= LONGEST_LOCK else _limited(seconds, work)


@in_transaction
def _limited(seconds: float, work: Callable[[], T]) -> T:
    """Refuses with OutOfTime where none is left, and as the work does.

    Locks: what the work locks (docs/locking.md).
    """
    if seconds <= 0:
        raise OutOfTime
    with connection.cursor() as cursor:
        cursor.execute(LIMIT, [f"{max(1, int(seconds * 1000))}ms"])
    return work()
