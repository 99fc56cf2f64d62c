"""Whether the replica may be asked at all: looked at once a second, beside the requests.

A request never finds out by waiting, but for those that are under way when the replica fails:
each of them gives up, reads the primary, and nobody asks the replica again before it answers here.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from math import inf
from time import monotonic
from typing import TYPE_CHECKING, Final

from django.db import DEFAULT_DB_ALIAS, close_old_connections, connections
from django.db import Error as DatabaseError

from common.observability import metrics
from common.observability.logs import get_logger
from common.replica.routing import REPLICA

if TYPE_CHECKING:
    from typing import Any

logger = get_logger(__name__)

LOOK_SECONDS: Final = 1.0
MOST_LAG_SECONDS: Final = 30.0
"""A replica that is further behind is not asked."""
ANSWER_SECONDS: Final = 0.5
"""For a statement that reads no row; who takes longer is not well."""
SAMPLES: Final = 64

PRIMARY_AT: Final = "SELECT pg_wal_lsn_diff(pg_current_wal_flush_lsn(), '0/0')"
"""What is on disk there is sent to replicas; what is not may have to wait for that."""
REPLICA_AT: Final = """
SELECT pg_is_in_recovery(), pg_wal_lsn_diff(pg_last_wal_replay_lsn(), '0/0'),
       extract(epoch FROM clock_timestamp() - pg_last_xact_replay_timestamp())
"""


class Unfit(Exception):
    """The replica answers, but lists are not to be read there; the text says why."""


class Standing:
    """What this process knows of the replica.

    How late it is follows from where the primary was when: no clocks of two machines are compared.
    Only while there is no such memory yet, the replica's own figure has to do.
    """

    def __init__(self) -> None:
        self.lag_seconds: float | None = None
        """None while it is not known."""
        self._is_usable = False
        self._is_watched = False
        self._was_at: deque[tuple[float, int]] = deque(maxlen=SAMPLES)
        self._guard = threading.Lock()

    def is_usable(self) -> bool:
        if not self._is_watched:
            self._watch_from_now_on()
        return self._is_usable

    def failed(self, reason: Exception) -> None:
        """Ask the replica for nothing until it has been seen to be well."""
        if self._is_usable:
            logger.warning("replica_left_alone", reason=str(reason))
        self._is_usable = False
        metrics.replica_lag.labels(REPLICA).set(inf)

    def look(self) -> None:
        """Find out how it is now; never raises for what a database does."""
        try:
            self._remember_primary()
            self.lag_seconds = self._lag(*_one_row(REPLICA, REPLICA_AT))
            metrics.replica_lag.labels(REPLICA).set(self.lag_seconds)
            if self.lag_seconds > MOST_LAG_SECONDS:
                raise Unfit(f"{self.lag_seconds:.0f} s behind.")  # noqa: TRY301  one way out
        except (DatabaseError, Unfit) as error:
            connections.close_all()
            self.failed(error)
        else:
            if not self._is_usable:
                logger.info("replica_in_use", lag_seconds=round(self.lag_seconds, 3))
            self._is_usable = True

    def _remember_primary(self) -> None:
        """A primary that does not answer is no reason to do without the replica."""
        try:
            (position,) = _one_row(DEFAULT_DB_ALIAS, PRIMARY_AT)
        except DatabaseError:
            connections[DEFAULT_DB_ALIAS].close()
        else:
            self._was_at.append((monotonic(), int(position)))

    def _lag(self, is_replica: bool, position: Any, own_figure: Any) -> float:  # noqa: FBT001
        if not is_replica:
            raise Unfit("DATABASE_REPLICA_URL leads to no replica.")
        now = monotonic()
        for age, (moment, was_at) in enumerate(reversed(self._was_at)):
            if was_at <= position:
                return now - moment if age else 0.0
        return float(own_figure or 0.0)

    def _watch_from_now_on(self) -> None:
        with self._guard:
            if not self._is_watched:
                self._is_watched = True
                threading.Thread(target=self._watch, name="replica-watch", daemon=True).start()

    def _watch(self) -> None:
        pause = threading.Event()
        while self is standing():
            close_old_connections()
            self.look()
            pause.wait(LOOK_SECONDS)
        connections.close_all()


def _one_row(alias: str, statement: str) -> Any:
    connection: Any = connections[alias]
    if alias == REPLICA:
        with connection.answering_within(ANSWER_SECONDS), connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchone()
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchone()


_standing = Standing()


def standing() -> Standing:
    """What this process knows of the replica."""
    return _standing


def start_afresh() -> None:
    """Know nothing: after a fork, and for tests."""
    global _standing  # noqa: PLW0603  one for each process
    _standing = Standing()


os.register_at_fork(after_in_child=start_afresh)
