"""The server that is dumped or restored into, and client programs that talk to it."""

from __future__ import annotations

import os
import subprocess
import tempfile
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import connection

from common.backups.errors import BackupRefused

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

LOOK_EVERY: Final = 0.2  # seconds
ENDS_WITHIN: Final = 10.0


@dataclass(frozen=True, slots=True)
class Server:
    """Where DATABASE_URL leads: everything but the password as libpq wants it."""

    where: str
    password: str
    database: str
    major: int

    @property
    def environment(self) -> Mapping[str, str]:
        """The password is in here, for others can read a command line."""
        return os.environ | ({"PGPASSWORD": self.password} if self.password else {})


def server() -> Server:
    """The server of the default connection. Refuses a connection pool in front of it.

    A pool in transaction mode would give the settings of a dump's session to other sessions. It
    shows itself: what it calls the number of the server's process is not the server's.
    """
    connection.ensure_connection()
    info = connection.connection.info
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_backend_pid()")
        (pid,) = cursor.fetchone()
    if pid != info.backend_pid:
        raise BackupRefused(
            "DATABASE_URL leads to a connection pool (PgBouncer): "
            "for this command it must name PostgreSQL itself."
        )
    return Server(info.dsn, info.password, info.dbname, info.server_version // 10_000)


def run(
    program: Path,
    arguments: Sequence[str],
    *,
    environment: Mapping[str, str],
    watch: Callable[[], None] = lambda: None,
) -> str:
    """Run a program to its end; what it printed. ``watch`` is called now and then meanwhile.

    Refuses with BackupRefused, in the program's own words, when it fails. It is ended when the
    caller is interrupted. Our own connection is closed before: idle for hours, it would be cut by
    a firewall, and Django makes a new one when it is needed.
    """
    connection.close()
    with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as complained:
        process = subprocess.Popen(  # noqa: S603 - found by us, given what we made
            [program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=complained,
            start_new_session=True,  # a Ctrl-C is ours to pass on
        )
        try:
            _wait(process, watch)
        finally:
            _end(process)
        if process.returncode:
            complained.seek(0)
            raise BackupRefused(_in_short(program.name, complained.read()))
        said.seek(0)
        return said.read()


def _wait(process: subprocess.Popen[bytes], watch: Callable[[], None]) -> None:
    while process.poll() is None:
        watch()
        with suppress(subprocess.TimeoutExpired):
            process.wait(LOOK_EVERY)


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(ENDS_WITHIN)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _in_short(name: str, complaint: str) -> str:
    """The first complaints of a program, without what follows from them."""
    lines = [line.strip() for line in complaint.splitlines() if line.strip()]
    return "\n".join(lines[:4]) or f"{name} failed without a word."
