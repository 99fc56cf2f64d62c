"""The replica and the PgBouncer of a stand."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import psutil
import psycopg

from config.embedded.account import Account
from tests.deploy.image import PROJECT
from tests.needs import program
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.deploy.servers import Cluster

START_TIMEOUT = 30.0


class Replica:
    """A streaming replica of a cluster, made by pg_basebackup; to be killed, frozen and delayed."""

    def __init__(self, primary: Cluster, folder: Path) -> None:
        self.port = free_port()
        self.log = folder / "replica.log"
        self._primary = primary
        self._account = primary._embedded.account
        self._files = primary._owned_folder("replica")
        self._sockets = primary._owned_folder("replica-sockets")
        self.superuser_url = f"postgres://postgres@/stockroom?host={self._sockets}&port={self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def copy(self) -> None:
        """All that the primary has, and where to go on from there."""
        copying = self._primary._program.with_name("pg_basebackup")
        where = f"host={self._primary._sockets} port={self._primary.port} user=postgres"
        how = ["--checkpoint=fast", "--no-sync", "--write-recovery-conf", "--wal-method=stream"]
        self._account.run([copying, "-D", self._files, "-d", where, *how])

    def start(self) -> None:
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._sockets,
            "fsync": "off",
            "wal_retrieve_retry_interval": "200ms",
        }
        options = [word for item in settings.items() for word in ("-c", "{}={}".format(*item))]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [self._primary._program, "-D", self._files, *options],
                stdout=log,
                stderr=log,
                **self._account.popen_options(signal.SIGQUIT),
            )
        wait_until(self._accepts, START_TIMEOUT)

    def kill(self) -> None:
        if self._process is not None:
            self.thaw()
            children = psutil.Process(self._process.pid).children(recursive=True)
            self._process.kill()
            self._process.wait()
            for one in children:  # its shared memory is in use until the last of them is gone
                with suppress(psutil.NoSuchProcess):
                    one.kill()
            psutil.wait_procs(children)
            self._process = None

    def freeze(self) -> None:
        for one in self._processes():
            one.suspend()

    def thaw(self) -> None:
        for one in reversed(self._processes()):
            with suppress(psutil.NoSuchProcess):
                one.resume()

    def _processes(self) -> list[psutil.Process]:
        assert self._process is not None
        first = psutil.Process(self._process.pid)
        return [first, *first.children(recursive=True)]

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What the primary writes in this block is not to be seen on the replica."""
        self.execute("SELECT pg_wal_replay_pause()")
        wait_until(lambda: self.execute("SELECT pg_get_wal_replay_pause_state()") == "paused")
        try:
            yield
        finally:
            self.execute("SELECT pg_wal_replay_resume()")

    @contextmanager
    def delayed(self, milliseconds: int) -> Iterator[None]:
        """Every commit of the primary is seen on the replica so much later."""
        self._set_delay(f"{milliseconds}ms")
        try:
            yield
        finally:
            self._set_delay("0")

    def _set_delay(self, delay: str) -> None:
        self.execute(f"ALTER SYSTEM SET recovery_min_apply_delay = '{delay}'")
        self.execute("SELECT pg_reload_conf()")

    def execute(self, statement: str) -> Any:
        """The first column of the first row, where there is one."""
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            cursor = connection.execute(statement)
            row = cursor.fetchone() if cursor.description else None
        return row[0] if row else None

    def _accepts(self) -> bool:
        try:
            return bool(self.execute("SELECT pg_is_in_recovery()"))
        except psycopg.OperationalError:
            return False


class PgBouncer:
    """With deploy/pgbouncer/pgbouncer.ini, in which only addresses are replaced."""

    def __init__(self, folder: Path, primary: Cluster, replica: Replica, pool: int) -> None:
        self.port = free_port()
        self.log = folder / "pgbouncer.log"
        self._folder = folder / "pgbouncer"
        self._folder.mkdir(mode=0o755)
        self.configuration = self._folder / "pgbouncer.ini"
        self._users = self._folder / "userlist.txt"
        self._primary = primary
        self.configuration.write_text(self._adapted(primary.port, replica.port, pool))

    def _adapted(self, primary_port: int, replica_port: int, pool: int) -> str:
        text = (PROJECT / "deploy/pgbouncer/pgbouncer.ini").read_text()
        changes = {
            "host=postgres port=5432": f"host=127.0.0.1 port={primary_port}",
            "host=replica port=5432": f"host=127.0.0.1 port={replica_port}",
            "listen_addr = [*]": "listen_addr = 127.0.0.1",
            "listen_port = 6432": f"listen_port = {self.port}",
            "auth_file = .*": f"auth_file = {self._users}",
            "default_pool_size = 20": f"default_pool_size = {pool}",
            "reserve_pool_size = 5": "reserve_pool_size = 0",
        }
        for pattern, replacement in changes.items():
            text, count = re.subn(pattern, replacement, text)
            assert count == 1, f"{pattern} is no longer in pgbouncer.ini"
        return text

    @contextmanager
    def running(self) -> Iterator[None]:
        self._write_users()
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [program("pgbouncer"), str(self.configuration)],
                stdout=log,
                stderr=log,
                **Account.unprivileged().popen_options(signal.SIGTERM),
            )
        try:
            wait_until(lambda: "process up" in self.log.read_text())
            yield
        finally:
            process.kill()
            process.wait()

    def _write_users(self) -> None:
        """As the file says that an operator makes it."""
        statement = (
            """SELECT format('"%s" "%s"', rolname, rolpassword) FROM pg_authid"""
            " WHERE rolname = 'stockroom'"
        )
        with psycopg.connect(self._primary.superuser_url) as connection:
            ((line,),) = connection.execute(statement).fetchall()
        self._users.write_text(f"{line}\n")
        account = Account.unprivileged()
        shutil.chown(self._users, account.uid, account.gid)
        os.chmod(self._users, 0o600)
