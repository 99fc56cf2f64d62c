"""What breaks a server from outside: its workers killed, its sessions in the database ended."""

from __future__ import annotations

import os
import signal
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from tests.race.operations import Trouble

if TYPE_CHECKING:
    from tests.race.operations import Operation
    from tests.running import RunningServer

# Those at work first; not the one that asks.
SESSIONS = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
ORDER BY state = 'idle', pid
LIMIT 4
"""


class Kills:
    """Carries out the troubles of a schedule, and counts those that took place."""

    def __init__(self, server: RunningServer) -> None:
        self.workers = 0
        self.sessions = 0
        self._arbiter = psutil.Process(server.process.pid)
        self._session = psycopg.connect(server.environment["DATABASE_URL"], autocommit=True)
        self._one_at_a_time = threading.Lock()

    def __enter__(self) -> Kills:
        return self

    def __exit__(self, *_: object) -> None:
        self._session.close()

    def strike(self, operation: Operation) -> None:
        """Whatever the operation has to meet, now."""
        with self._one_at_a_time:
            match operation.trouble:
                case Trouble.WORKER_KILLED:
                    self._kill_worker(operation.luck)
                case Trouble.SESSION_ENDED:
                    self._end_session(operation.luck)

    def _kill_worker(self, luck: int) -> None:
        workers = self._arbiter.children()
        if not workers:
            return
        with suppress(ProcessLookupError):
            os.kill(workers[luck % len(workers)].pid, signal.SIGKILL)
            self.workers += 1

    def _end_session(self, luck: int) -> None:
        pids: list[Any] = self._session.execute(SESSIONS).fetchall()
        if pids:
            self._session.execute("SELECT pg_terminate_backend(%s)", pids[luck % len(pids)])
            self.sessions += 1
