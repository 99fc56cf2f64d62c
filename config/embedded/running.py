"""Sharing the embedded servers: start or adopt them, revive them, let go of them."""

import fcntl
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

from config.embedded.keeper import PATIENCE
from config.embedded.postgres import Postgres
from config.embedded.redis import Redis
from config.embedded.server import USE_YOUR_OWN, NotAvailable, Server
from config.locks import alone, is_locked, open_lock, try_lock

SERVERS: Final[dict[str, type[Server]]] = {"postgres": Postgres, "redis": Redis}
PROJECT = Path(__file__).resolve().parents[2]

START_TIMEOUT = 60.0  # recovery after a crash may take this long
STOP_TIMEOUT = 15.0
ATTEMPTS = 3  # the remains of a killed server may spoil the first ones
TICK = 0.02

# Keepers that we started and others still need. Held here, because a process object that is
# thrown away while its process runs is reported as a leak.
_left_to_others: list["subprocess.Popen[bytes]"] = []


class Servers:
    """The servers that this process shares."""

    def __init__(self, shares: list["Share"]) -> None:
        self._shares = shares

    def revive(self) -> list[str]:
        """Start again, without waiting, what died; returns the names. Call it now and then."""
        return [share.server.name for share in self._shares if share.start_if_nobody_runs()]


@contextmanager
def servers(
    data_dir: Path, *, postgres: bool, redis: bool, durable: bool = True
) -> Iterator[Servers]:
    """Hold a share of the wanted servers; inside, they run and accept connections.

    ``durable=False`` is for tests: committed rows may be lost when the machine crashes.
    Refuses with NotAvailable, in one sentence, what cannot work here.
    """
    data_dir = data_dir.absolute()
    chosen = {"postgres": postgres, "redis": redis}
    wanted = [SERVERS[name](data_dir, durable=durable) for name, yes in chosen.items() if yes]
    with ExitStack() as stack:
        shares = [stack.enter_context(_shared(server)) for server in wanted]
        for share in shares:
            share.start_if_nobody_runs()
        for share in shares:
            share.wait_until_ready()
        yield Servers(shares)


def remove(data_dir: Path) -> None:
    """Delete the servers of this data directory with all they hold."""
    for kind in SERVERS.values():
        server = kind(data_dir.absolute())
        if server.folder.is_dir():
            _remove(server)
    shutil.rmtree(data_dir / "embedded", ignore_errors=True)


def _remove(server: Server) -> None:
    with alone(server.shares) as unused:
        if not unused:
            raise NotAvailable(f"{server.data_dir} is in use: stop what runs with it first.")
        _stop_abandoned(server)
        for place in server.places():
            if place.is_symlink() or not place.is_dir():
                place.unlink(missing_ok=True)
            else:
                shutil.rmtree(place)


class Share:
    """The claim of this process that one server must run. The kernel drops it when we die."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self._keeper: subprocess.Popen[bytes] | None = None
        try:
            server.folder.mkdir(parents=True, exist_ok=True)
            self._claim = open_lock(server.shares)
        except OSError as error:
            reason = os.strerror(error.errno or 0)
            raise NotAvailable(f"DATA_DIR {server.data_dir} cannot be used: {reason}.") from None
        fcntl.flock(self._claim, fcntl.LOCK_SH)  # waits while a keeper is stopping the server

    def start_if_nobody_runs(self) -> bool:
        lock = open_lock(self.server.lock)
        try:
            if is_free := try_lock(lock):
                self._start_keeper(lock)
            return is_free
        finally:
            os.close(lock)  # the keeper has inherited it, and holds it on

    def _start_keeper(self, lock: int) -> None:
        if self._keeper:
            self._keeper.wait()
        self.server.clear_remains()
        durability = "durable" if self.server.durable else "not-durable"
        arguments = [self.server.name, str(self.server.data_dir), durability, str(lock)]
        with self.server.log.open("w") as log:
            self._keeper = subprocess.Popen(
                [sys.executable, "-m", "config.embedded", *arguments],
                cwd=PROJECT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock],
                start_new_session=True,  # away from the terminal's Ctrl-C
            )

    def wait_until_ready(self) -> None:
        give_up_at = time.monotonic() + START_TIMEOUT
        attempts = 1
        while not (self.server.is_ready() and is_locked(self.server.lock)):
            has_failed = attempts == ATTEMPTS and not is_locked(self.server.lock)
            if has_failed or time.monotonic() > give_up_at:
                raise NotAvailable(_failure(self.server))
            time.sleep(TICK)
            if attempts < ATTEMPTS:
                attempts += self.start_if_nobody_runs()

    def drop(self) -> None:
        """Let go; if nobody else holds on, wait until the server has stopped."""
        was_last = try_lock(self._claim)
        os.close(self._claim)
        if was_last and not _ends(self.server, STOP_TIMEOUT):
            with alone(self.server.shares) as unused:
                if unused:
                    _stop_abandoned(self.server)
        if self._keeper and is_locked(self.server.lock):
            _left_to_others.append(self._keeper)
        elif self._keeper:
            self._keeper.wait()


@contextmanager
def _shared(server: Server) -> Iterator[Share]:
    share = Share(server)
    try:
        yield share
    finally:
        share.drop()


def _failure(server: Server) -> str:
    lines = server.log.read_text().splitlines() or ["it says nothing"]
    reason = next((line for line in reversed(lines) if "FATAL" in line), lines[-1]).rstrip(".")
    return f"{server.name} does not start ({reason}; more in {server.log}): {USE_YOUR_OWN}."


def _ends(server: Server, timeout: float) -> bool:
    """Wait until no process of the server is alive, for this many seconds at most."""
    give_up_at = time.monotonic() + timeout
    while is_locked(server.lock):
        if time.monotonic() > give_up_at:
            return False
        time.sleep(TICK)
    return True


def _stop_abandoned(server: Server) -> None:
    """End a server whose keeper was killed, where the kernel does not tell children (macOS)."""
    for signal_number in server.stop_signals:
        if is_locked(server.lock) and server.pid_file.is_file():
            os.kill(int(server.pid_file.read_text().split()[0]), signal_number)
        if _ends(server, PATIENCE):
            return
