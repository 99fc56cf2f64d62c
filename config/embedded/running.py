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

from config.embedded.keeper import PATIENCE
from config.embedded.postgres import Postgres
from config.embedded.redis import Redis
from config.embedded.server import USE_YOUR_OWN, NotAvailable, Server
from config.locks import alone, is_locked, open_lock, try_lock

SERVERS: dict[str, type[Server]] = {"postgres": Postgres, "redis": Redis}
PROJECT = Path(__file__).resolve().parents[2]

START_TIMEOUT = 60.0  # recovery after a crash may take this long
STOP_TIMEOUT = 15.0
ATTEMPTS = 3  # the remains of a killed server may spoil the first ones
TICK = 0.02


class Servers:
    """The servers that this process shares."""

    def __init__(self, wanted: list[Server]) -> None:
        self.wanted = wanted

    def revive(self) -> list[str]:
        """Start again, without waiting, what died; returns the names. Call it now and then."""
        return [server.name for server in self.wanted if _start_if_nobody_runs(server)]


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
    with ExitStack() as shares:
        for server in wanted:
            shares.enter_context(_share(server))
            _start_if_nobody_runs(server)
        for server in wanted:
            _wait_until_ready(server)
        yield Servers(wanted)


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


@contextmanager
def _share(server: Server) -> Iterator[None]:
    """A share from here to the end, which waits for the server to stop if it was the last."""
    share = _open_share(server)
    fcntl.flock(share, fcntl.LOCK_SH)  # waits while a keeper is stopping the server
    try:
        yield
    finally:
        was_last = try_lock(share)
        os.close(share)
        if was_last and not _ends(server, STOP_TIMEOUT):
            with alone(server.shares) as unused:
                if unused:
                    _stop_abandoned(server)


def _open_share(server: Server) -> int:
    try:
        server.folder.mkdir(parents=True, exist_ok=True)
        return open_lock(server.shares)
    except OSError as error:
        raise NotAvailable(
            f"DATA_DIR {server.data_dir} cannot be used: {error.strerror}."
        ) from None


def _start_if_nobody_runs(server: Server) -> bool:
    lock = open_lock(server.lock)
    try:
        if free := try_lock(lock):
            server.clear_remains()
            _start_keeper(server, lock)
        return free
    finally:
        os.close(lock)  # the keeper has inherited it, and holds it on


def _start_keeper(server: Server, lock: int) -> None:
    durability = "durable" if server.durable else "not-durable"
    arguments = [server.name, str(server.data_dir), durability, str(lock)]
    with server.log.open("w") as log:
        subprocess.run(
            [sys.executable, "-m", "config.embedded", *arguments],
            cwd=PROJECT,
            check=False,  # how it ended shows in the lock
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            pass_fds=[lock],
            start_new_session=True,
        )


def _wait_until_ready(server: Server) -> None:
    give_up_at = time.monotonic() + START_TIMEOUT
    attempts = 1
    while not (server.is_ready() and is_locked(server.lock)):
        has_failed = attempts == ATTEMPTS and not is_locked(server.lock)
        if has_failed or time.monotonic() > give_up_at:
            raise NotAvailable(_failure(server))
        time.sleep(TICK)
        if attempts < ATTEMPTS:
            attempts += _start_if_nobody_runs(server)


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
