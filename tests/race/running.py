"""One race, from the first request to the verdict."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tqdm import tqdm

from config.lifeline import lifeline
from tests.race import shop
from tests.race.checker import check
from tests.race.clients import MAKERS, PATIENCE, Client, Made
from tests.race.history import Outcome
from tests.race.kills import Kills
from tests.race.operations import FAREWELL
from tests.race.schedule import schedule
from tests.running import PROJECT, running_stockroom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from tests.race.history import Entry, Sighting
    from tests.race.operations import Operation, Plant
    from tests.race.shop import Shop
    from tests.running import RunningServer

CLIENTS: Final = 16
STOP_TIMEOUT: Final = 40.0  # longer than gunicorn gives its workers


@dataclass(frozen=True, slots=True)
class Race:
    """What is to be run: the same seed and length make the same schedule."""

    seed: int
    length: int
    plant: Plant | None = None
    seconds: float = float("inf")
    """No operation is begun after so many."""
    patience: float = PATIENCE
    """Seconds until a client gives an operation up."""
    shows_progress: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """How a race went, and the violations of each assertion."""

    entries: Sequence[Entry]
    seconds: float
    kills: Mapping[str, int]
    violations: Mapping[str, Sequence[str]]
    holds: Mapping[str, int]
    """How many ended in each way, or are still open."""

    @property
    def is_as_promised(self) -> bool:
        return not any(self.violations.values())

    def count(self, outcome: Outcome) -> int:
        return sum(entry.outcome == outcome for entry in self.entries)


def run(race: Race, folder: Path) -> Verdict:
    """Run a race on a server of its own, whose log stays in ``folder``, and judge it."""
    settings = {"RACE_PLANT": race.plant or "", "LOG_LEVEL": "WARNING"}
    with running_stockroom(folder, application="tests.race.wsgi", **settings) as server:
        with _sweeper(server):
            place = shop.opened(server)
            field = _Field(race, server, place)
            began = time.monotonic()
            field.run()
            seconds = time.monotonic() - began
        verify_stock = _violations_of_verify_stock(server)
        _end(server.process)
        history = shop.read(
            server.environment["DATABASE_URL"], place, field.entries, field.sightings
        )
    return Verdict(
        entries=field.entries,
        seconds=seconds,
        kills={
            "workers killed at any moment": field.kills.workers,
            "workers killed at a fault point": server.log.read_text().count(FAREWELL),
            "database sessions ended": field.kills.sessions,
        },
        violations=check(history) | {"verify_stock": verify_stock},
        holds=Counter(sorted(hold.status for hold in history.holds)),
    )


@contextmanager
def _sweeper(server: RunningServer) -> Iterator[None]:
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.race.sweeper"],
        cwd=PROJECT,
        env=server.environment,
        preexec_fn=lifeline(signal.SIGTERM),  # noqa: PLW1509 - should this process be killed
    )
    try:
        yield
    finally:
        _end(process)


class _Field:
    """The clients of one race, each in a thread."""

    def __init__(self, race: Race, server: RunningServer, place: Shop) -> None:
        self.entries: list[Entry] = []
        self.sightings: list[Sighting] = []
        self.kills = Kills(server)
        self._race = race
        self._shop = place
        operations = schedule(race.seed, race.length)
        self._operations = iter(operations)
        self._made = Made(one.number for one in operations if one.kind in MAKERS)
        self._turn = threading.Lock()
        self._ends_at = time.monotonic() + race.seconds
        self._is_over = threading.Event()

    def run(self) -> None:
        bar = tqdm(
            total=self._race.length,
            unit=" operations",
            disable=None if self._race.shows_progress else True,  # None: on a terminal only
        )
        with self.kills, bar, ThreadPoolExecutor(CLIENTS) as threads:
            begun = [threads.submit(self._be_a_client, bar) for _ in range(CLIENTS)]
            try:
                for client in begun:
                    client.result()
            finally:
                self._is_over.set()

    def _be_a_client(self, bar: tqdm) -> None:
        name = f"race-{self._race.seed}"
        client = Client(self._shop, name, self._made, self._race.patience)
        with closing(client):
            for operation in self._turns():
                self.kills.strike(operation)
                entry = client.carry_out(operation)
                if entry is not None:
                    self.entries.append(entry)
                bar.update()
        self.sightings += client.sightings

    def _turns(self) -> Iterator[Operation]:
        """The next operation of the schedule that no other client has taken up."""
        while not self._is_over.is_set() and time.monotonic() < self._ends_at:
            with self._turn:
                operation = next(self._operations, None)
            if operation is None:
                return
            yield operation


def _violations_of_verify_stock(server: RunningServer) -> list[str]:
    """What the operators' own command finds; it fails when a figure is wrong."""
    try:
        server.manage("verify_stock", "--verbosity=0")
    except AssertionError as failure:
        return str(failure).splitlines()
    return []


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(STOP_TIMEOUT)
