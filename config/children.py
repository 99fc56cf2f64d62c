"""The processes that the supervisor runs: each in a session of its own, and never left behind."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from contextlib import suppress

from config.lifeline import lifeline
from config.signals import Signals
from config.values import BASE_DIR

STOP_PATIENCE = 8.0  # seconds that all children together have to end by themselves
SETTLED_AFTER = 10.0  # a child that lived this long did not fail at its start
LONGEST_PAUSE = 4.0


class Child:
    """One process and its descendants, started again whenever it ends.

    The session of its own keeps the terminal's Ctrl-C away, which we pass on as SIGTERM, and
    gives its descendants a group by which all of them can be killed.
    """

    def __init__(self, name: str, *arguments: str) -> None:
        """The arguments are those of python itself."""
        self.name = name
        self.command = [sys.executable, *arguments]
        self._process: subprocess.Popen[bytes] | None = None
        self._started_at = 0.0
        self._pause = 0.0
        self._restart_at = 0.0

    def start(self) -> None:
        self._started_at = time.monotonic()
        self._process = subprocess.Popen(
            self.command,
            cwd=BASE_DIR,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=lifeline(signal.SIGTERM),  # noqa: PLW1509 - the supervisor has one thread
        )

    @property
    def runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def keep_alive(self, report: Callable[[str], None]) -> None:
        """Start it again when it has ended: at once the first time, later after a pause."""
        if self._process is None:
            if time.monotonic() >= self._restart_at:
                self.start()
        elif not self.runs:
            self._plan_restart()
            report(f"{self.name} {_ending(self.kill())}; starting it again")

    def _plan_restart(self) -> None:
        settled = time.monotonic() - self._started_at > SETTLED_AFTER
        self._pause = 0.0 if settled else min(max(0.5, 2 * self._pause), LONGEST_PAUSE)
        self._restart_at = time.monotonic() + self._pause

    def ask_to_stop(self) -> None:
        if self._process and self.runs:
            self._process.terminate()

    def kill(self) -> int:
        """End what is left of it and of its descendants; returns how it ended itself."""
        if self._process is None:
            return 0
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        code = self._process.wait()
        self._process = None
        return code


def stop_all(children: Iterable[Child], signals: Signals) -> None:
    """One after the other, in the order given; a second request to stop makes it quick."""
    give_up_at = time.monotonic() + STOP_PATIENCE
    asked = signals.stops
    for child in children:
        child.ask_to_stop()
        while child.runs and signals.stops == asked and time.monotonic() < give_up_at:
            signals.wait(0.1)
        child.kill()


def run_to_end(child: Child, signals: Signals) -> int:
    """Run a child once and return its exit code; it is cut short when we are asked to stop."""
    child.start()
    while child.runs and not signals.stops:
        signals.wait(1)
    if signals.stops:
        stop_all([child], signals)
    return child.kill()


def _ending(code: int) -> str:
    return f"ended with code {code}" if code >= 0 else f"was killed by {signal.Signals(-code).name}"
