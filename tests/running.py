"""A Stockroom that really runs: gunicorn on a port of its own, with a database of its own.

For what Django's test client cannot show: the server's own part, several processes, clients of
other languages. The database lives on the session's PostgreSQL and starts out empty.

    def test_of_a_client(running_server):
        answer = requests.get(
            f"{running_server.base_url}/api/v1/products",
            headers={"X-API-Key": running_server.api_key},
        )
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.parse import urlsplit
from urllib.request import urlopen

import psycopg
import pytest
from psycopg import sql
from psycopg.errors import InsufficientPrivilege, ObjectInUse

from config.lifeline import lifeline
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

PROJECT = Path(__file__).resolve().parent.parent
BARE = {"PYTHONPATH": str(PROJECT / "tests" / "bare")}  # without the development tools
START_TIMEOUT = 60.0
STOP_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class RunningServer:
    """Where it answers, a key that may do everything without a quota, and its inside."""

    base_url: str
    api_key: str
    environment: Mapping[str, str]
    process: subprocess.Popen[bytes]
    log: Path

    def manage(self, *arguments: str) -> str:
        """Run a ``manage.py`` command beside it; what it printed, without the last line break."""
        return run_python(["manage.py", *arguments], self.environment).removesuffix("\n")


@pytest.fixture(scope="session")
def running_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningServer]:
    """One for the whole session: leave it running, and expect rows of other tests in it."""
    with running_stockroom(tmp_path_factory.mktemp("running")) as server:
        yield server


@contextmanager
def running_stockroom(
    folder: Path,
    *,
    application: str = "config.wsgi",
    owner_url: str = "",
    **settings: str,
) -> Iterator[RunningServer]:
    """A web server with migrated tables and no demo data; ``settings`` as in ``.env``.

    ``folder`` becomes its DATA_DIR. Redis is the session's, unless REDIS_URL names another.
    ``application`` is the module of the WSGI application; ``owner_url`` leads to the
    database while the tables are made, where that is another way than the server's.
    """
    with ExitStack() as at_end:
        if "DATABASE_URL" not in settings:
            settings["DATABASE_URL"] = at_end.enter_context(database_of_its_own())
        environment = own_environment(folder, settings)
        as_owner = {"DATABASE_URL": owner_url} if owner_url else {}
        run_python(["-m", "config.prepare"], environment | as_owner)
        process = at_end.enter_context(_gunicorn(environment, folder / "web.log", application))
        server = RunningServer(
            base_url=f"http://127.0.0.1:{environment['PORT']}",
            api_key=environment["API_KEY"],
            environment=environment,
            process=process,
            log=folder / "web.log",
        )
        wait_until(lambda: _is_up(server), START_TIMEOUT)
        yield server


@contextmanager
def database_of_its_own() -> Iterator[str]:
    """The address of a new database on the session's PostgreSQL, dropped at the end."""
    from config import environment
    from config.own_servers import own_database_url

    address = environment.url("DATABASE_URL") or own_database_url()
    name = f"test_running_{secrets.token_hex(4)}"
    _execute(address, "CREATE DATABASE {}", name)
    try:
        yield urlsplit(address)._replace(path=f"/{name}").geturl()
    finally:
        wait_until(lambda: _is_dropped(address, name))


def _is_dropped(address: str, name: str) -> bool:
    """Not while PostgreSQL vacuums it: nobody but a superuser may end that."""
    try:
        _execute(address, "DROP DATABASE {} WITH (FORCE)", name)
    except (InsufficientPrivilege, ObjectInUse):
        return False
    return True


def _execute(address: str, statement: str, name: str) -> None:
    with psycopg.connect(address, autocommit=True) as connection:
        connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


def own_environment(folder: Path, settings: Mapping[str, str]) -> dict[str, str]:
    """This process's environment, with the server's settings in place of its own."""
    from config import environment
    from config.own_servers import own_broker_url, own_redis_url

    without_settings = {
        name: value for name, value in os.environ.items() if name not in environment.VARIABLES
    }
    own = {
        "DEVELOPMENT": "1",
        "DATA_DIR": str(folder),
        "PORT": str(free_port()),
        "API_KEY": secrets.token_urlsafe(24),
        "DEMO": "0",
        "WEBHOOK_ALLOW_PRIVATE": "1",
        "REDIS_URL": environment.url("REDIS_URL") or own_redis_url(),
        "CELERY_BROKER_URL": environment.url("CELERY_BROKER_URL") or own_broker_url(),
    }
    return without_settings | BARE | own | dict(settings)


def free_port() -> int:
    """A port that nobody listens on at the moment."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
        return port


def run_python(arguments: list[str], environment: Mapping[str, str]) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=PROJECT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@contextmanager
def _gunicorn(
    environment: Mapping[str, str], log: Path, application: str
) -> Iterator[subprocess.Popen[bytes]]:
    """The web server; it is asked to stop before it is killed."""
    command = ["-m", "gunicorn", "--config=config/gunicorn.py", application]
    with running_python(command, environment, log) as process:
        try:
            yield process
        finally:
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_TIMEOUT)


@contextmanager
def running_python(
    arguments: Sequence[str], environment: Mapping[str, str], log: Path
) -> Iterator[subprocess.Popen[bytes]]:
    """A process of this Python in a group of its own, all of which is killed at the end."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            preexec_fn=lifeline(signal.SIGTERM),  # noqa: PLW1509 - should this process be killed
        )
    try:
        yield process
    finally:
        kill(process)


def kill(process: subprocess.Popen[bytes]) -> None:
    """The process and its children, without a word."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def _is_up(server: RunningServer) -> bool:
    assert server.process.poll() is None, server.log.read_text()
    try:
        with urlopen(f"{server.base_url}/health", timeout=2) as answer:  # noqa: S310 - it is http
            return bool(answer.status == 200)
    except (URLError, OSError):
        return False
