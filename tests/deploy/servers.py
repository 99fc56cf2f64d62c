"""The servers that docker-compose.yml runs beside the image, started on this machine instead."""

from __future__ import annotations

import os
import re
import secrets
import signal
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import psycopg
import redis

from config.embedded.postgres import Postgres
from config.lifeline import lifeline
from tests.common.own_redis import redis_program
from tests.deploy.image import PROJECT, stop
from tests.needs import program
from tests.running import free_port
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

UNPRIVILEGED = 10001
START_TIMEOUT = 30.0


def made_up_secrets() -> dict[str, str]:
    """A ``.env`` as deploy/README.md has it made."""
    names = re.findall(r"\$\{(\w+):\?", (PROJECT / "docker-compose.yml").read_text())
    return {name: secrets.token_hex(32) for name in names}


class Cluster:
    """PostgreSQL from the wheel, made with the service's options and its init.sql."""

    def __init__(self, service: Mapping[str, Any], folder: Path) -> None:
        self.environment: Mapping[str, str] = service["environment"]
        self.log = folder / "postgres.log"
        self.port = free_port()
        self._embedded = Postgres(folder)
        self._embedded.folder.mkdir()
        self._program = self._embedded._reachable_program(self._embedded._home())
        self._files = self._owned_folder("cluster")
        self._sockets = self._owned_folder("sockets")
        self.superuser_url = f"postgres://postgres@/stockroom?host={self._sockets}&port={self.port}"

    @contextmanager
    def running(self) -> Iterator[None]:
        self._initialise()
        settings = {
            "listen_addresses": "127.0.0.1",
            "port": self.port,
            "unix_socket_directories": self._sockets,
            "fsync": "off",
        }
        options = [word for item in settings.items() for word in ("-c", "{}={}".format(*item))]
        account = self._embedded.account
        with self.log.open("wb") as log:
            process = subprocess.Popen(
                [self._program, "-D", self._files, *options],
                stdout=log,
                stderr=log,
                **account.popen_options(signal.SIGQUIT),
            )
        try:
            wait_until(self._accepts, START_TIMEOUT)
            self._run_init_sql()
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()

    def _owned_folder(self, name: str) -> Path:
        folder = self._embedded.folder / name
        folder.mkdir(mode=0o700)
        os.chown(folder, self._embedded.account.uid, self._embedded.account.gid)
        return folder

    def _initialise(self) -> None:
        """As the image's entrypoint does: its superuser, passwords for all who come over TCP."""
        own = ["--username=postgres", "--auth-local=trust", "--auth-host=scram-sha-256"]
        given = self.environment["POSTGRES_INITDB_ARGS"].split()
        initdb = self._program.with_name("initdb")
        self._embedded.account.run([initdb, "-D", self._files, "--no-sync", *own, *given])

    def _accepts(self) -> bool:
        try:
            psycopg.connect(self.superuser_url, dbname="postgres").close()
        except psycopg.OperationalError:
            return False
        return True

    def _run_init_sql(self) -> None:
        """As the image's entrypoint does."""
        where = [f"--host={self._sockets}", f"--port={self.port}", "--username=postgres"]
        how = ["-v", "ON_ERROR_STOP=1", "--no-password", "--no-psqlrc", "--dbname=postgres"]
        done = subprocess.run(
            [self._program.with_name("psql"), *where, *how, "-f", "deploy/postgres/init.sql"],
            cwd=PROJECT,
            env={"PATH": os.defpath, **self.environment},
            check=False,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stderr


@contextmanager
def redis_server(service: Mapping[str, Any], folder: Path) -> Iterator[int]:
    """The service's command; yields the port."""
    port = free_port()
    where = ["--bind", "127.0.0.1", "--port", str(port), "--dir", str(folder)]
    with _process([redis_program(), *service["command"][1:], *where], folder / "redis.log"):
        password = service["environment"]["REDISCLI_AUTH"]
        wait_until(lambda: _answers_ping(port, password))
        yield port


def _answers_ping(port: int, password: str) -> bool:
    try:
        with redis.Redis(port=port, password=password) as client:
            return bool(client.ping())
    except redis.ConnectionError:
        return False


class Nginx:
    """nginx with the configuration of compose, on ports of its own."""

    def __init__(self, folder: Path, web_port: int) -> None:
        self.ports = {port: free_port() for port in (8000, 8001, 8002)}
        self.log = folder / "nginx.log"
        self._temporary = folder / "temporary"
        self._web_port = web_port
        self.configuration = folder / "nginx.conf"
        self._temporary.mkdir(parents=True)
        self._temporary.chmod(0o777)
        self.log.touch()
        self.log.chmod(0o666)  # it opens its standard output anew
        self.configuration.write_text(self._adapted())

    def _adapted(self) -> str:
        """Only addresses and places are replaced; resolving names anew takes nginx 1.27."""
        text = (PROJECT / "deploy/nginx/nginx.conf").read_text()
        changes = {
            r"\n +resolver [^;]+;": "",
            r"server web:8000 resolve ": f"server 127.0.0.1:{self._web_port} ",
            r"(?<= )/tmp/": f"{self._temporary}/",
        }
        for inside, port in self.ports.items():
            changes[f"listen {inside} "] = f"listen 127.0.0.1:{port} "
        for pattern, replacement in changes.items():
            text, count = re.subn(pattern, replacement, text)
            assert count, f"{pattern} is no longer in nginx.conf"
        return text

    @property
    def _command(self) -> list[str]:
        return [program("nginx"), "-e", "stderr", "-c", str(self.configuration)]

    @contextmanager
    def running(self) -> Iterator[None]:
        with _process(self._command, self.log, **_unprivileged()) as process:
            pid_file = self._temporary / "nginx.pid"
            wait_until(lambda: pid_file.exists() or process.poll() is not None)
            assert process.poll() is None, self.log.read_text()
            yield


def _unprivileged() -> dict[str, Any]:
    if os.geteuid() != 0:
        return {}
    return {"user": UNPRIVILEGED, "group": UNPRIVILEGED, "extra_groups": []}


@contextmanager
def _process(command: list[str], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lifeline(signal.SIGTERM),  # noqa: PLW1509 - should we be killed
            **options,
        )
    try:
        yield process
    finally:
        stop(process)
