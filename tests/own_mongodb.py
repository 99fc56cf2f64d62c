"""A server that speaks MongoDB's protocol, for tests: SecantusDB, in a process of its own.

It is GPL, so nothing of ours imports it; TEST_MONGODB_URI names any other MongoDB instead, with
databases that tests may fill and leave behind.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from tests.running import free_port, kill, running_python
from tests.waiting import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

PATIENCE = 60.0  # seconds: it takes three to start on a machine of its own
SERVER = "from secantus.cli import main; main()"


@dataclass(slots=True)
class OwnMongoDB:
    """It can be killed and started again, with what it held."""

    folder: Path
    port: int = field(default_factory=free_port)
    _process: subprocess.Popen[bytes] | None = None
    _running: AbstractContextManager[subprocess.Popen[bytes]] | None = None

    @property
    def uri(self) -> str:
        return f"mongodb://127.0.0.1:{self.port}/stockroom_{secrets.token_hex(4)}"

    def start(self) -> None:
        place = [f"--port={self.port}", f"--storage-path={self.folder / 'mongodb'}"]
        command = ["-c", SERVER, "--standalone", "--log-level=WARNING", *place]
        self._running = running_python(command, os.environ, self.folder / "mongodb.log")
        self._process = self._running.__enter__()
        wait_until(self.answers, PATIENCE)

    def answers(self) -> bool:
        with suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return True
        return False

    def kill(self) -> None:
        if self._process is not None:
            kill(self._process)

    def freeze(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        if self._process is not None:
            self._process.send_signal(signal.SIGCONT)


@contextmanager
def own_mongodb(folder: Path) -> Iterator[OwnMongoDB]:
    server = OwnMongoDB(folder)
    server.start()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def some_mongodb(folder: Path) -> Iterator[str]:
    """The URI of a database that is empty, on the server that is named or on one of its own."""
    if given := os.environ.get("TEST_MONGODB_URI"):
        yield with_another_database(given)
        return
    with own_mongodb(folder) as server:
        yield server.uri


def with_mongodb(uri: str) -> dict[str, str]:
    """Settings of a Stockroom that has the catalogue there, and what that takes installed."""
    return {"MONGODB_URI": uri, "AND_LISTS": "requirements-mongodb.txt"}


def with_another_database(uri: str) -> str:
    return urlsplit(uri)._replace(path=f"/stockroom_{secrets.token_hex(4)}").geturl()
