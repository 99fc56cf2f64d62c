"""What a process in the background has to do again and again, and whether it still does it."""

from __future__ import annotations

from threading import Lock
from time import monotonic, time
from typing import Final

from common.observability.metrics import duty_last_run
from common.observability.probes import HEALTHY, Probe, ask_database

LATE_AFTER: Final = 60.0
"""Seconds. A statement has ten, a pause after trouble has ten, and so has a broker's silence."""


class Duties:
    """When each of them was done last, be it in vain: trouble that is noticed is no standstill."""

    def __init__(self) -> None:
        self._done_at: dict[str, float] = {}
        self._guard = Lock()
        self._database = Probe(ask_database)

    def note(self, name: str) -> None:
        """It begins to be done here, or has been done once more."""
        with self._guard:
            self._done_at[name] = monotonic()
        duty_last_run.labels(duty=name).set(time())

    def forget(self, name: str) -> None:
        """It is not done here any more, on purpose."""
        with self._guard:
            self._done_at.pop(name, None)

    def standing_still(self) -> list[str]:
        """Those that nobody has done for a minute though there is a database to do them with.

        A thread that waits for a frozen database has its reason, and a new process would wait
        beside it. When the database answers others, the thread has lost its way.
        """
        late = self._late()
        if not late:
            return []
        self._database.begin()
        return late if self._database.finding().status == HEALTHY else []

    def _late(self) -> list[str]:
        latest = monotonic() - LATE_AFTER
        with self._guard:
            return sorted(name for name, done_at in self._done_at.items() if done_at < latest)


duties: Final = Duties()
