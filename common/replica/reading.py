"""Reading what may lag."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from django.db import Error as DatabaseError
from django.db import connection, connections, transaction

from common.database import one_round_trip
from common.observability import metrics
from common.observability.logs import get_logger
from common.replica import positions
from common.replica.base import STATEMENT_SECONDS
from common.replica.routing import REPLICA, is_configured, reads_may_lag
from common.replica.standing import ANSWER_SECONDS, standing

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")

logger = get_logger(__name__)

HAS_COME: Final = """
SELECT pg_is_in_recovery() AND pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0') >= %s,
       set_config('statement_timeout', %s, true)
"""


class Behind(Exception):
    """The replica has not come as far as the client has."""


def tolerating_lag(user: Any, read: Callable[[], T]) -> T:
    """What ``read`` returns, from the replica if it can be; else from the primary.

    ``read`` only reads, and may be called twice: whatever the replica refuses (a row that it had
    to clean up, a column that has not arrived, the connection), the primary is asked the same.
    Nothing that this user has written, or has read in the feed of events, is missing from it.
    """
    if not is_configured():
        return read()
    if not connection.in_atomic_block and standing().is_usable():
        position = positions.needed(user)
        if position is not None:
            try:
                answer = _on_replica(position, read)
            except Behind:
                pass
            except DatabaseError as error:
                _gave_up(error)
            else:
                metrics.lists_read.labels("replica").inc()
                return answer
    metrics.lists_read.labels("primary").inc()
    return read()


def _on_replica(position: int, read: Callable[[], T]) -> T:
    """In one transaction, so that all of it is asked of the server that was seen to be there.

    A pooler may send the next transaction elsewhere, and a replica that was restarted may have
    fallen back: what was true of it a moment ago says nothing.
    """
    with transaction.atomic(using=REPLICA):
        _check_that_it_has_come(position)
        with reads_may_lag():
            return read()


def _check_that_it_has_come(position: int) -> None:
    """On its way, PostgreSQL is told how long it may take for a statement of this transaction."""
    replica: Any = connections[REPLICA]
    milliseconds = str(int(STATEMENT_SECONDS * 1000))
    with replica.answering_within(ANSWER_SECONDS), replica.cursor() as cursor:
        with one_round_trip(REPLICA):
            cursor.execute(HAS_COME, [position, milliseconds])
        (has_come, _) = cursor.fetchone()
    if not has_come:
        raise Behind


def _gave_up(error: DatabaseError) -> None:
    logger.warning("replica_gave_up", reason=str(error))
    if connections[REPLICA].connection is None:  # it broke, or was given up
        standing().failed(error)
