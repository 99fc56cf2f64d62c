"""Databases as production has them: a server with passwords, an owner, the application's role."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg import sql

from tests.deploy.composition import composition
from tests.deploy.servers import Cluster, made_up_secrets
from tests.running import PROJECT, own_environment, run_python, running_stockroom

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.running import RunningServer


@dataclass(frozen=True, slots=True)
class Database:
    """One database of the server, and the environments of those who use it."""

    name: str
    owner: Mapping[str, str]
    application: Mapping[str, str]

    def rows(self, query: str, *parameters: Any, owner: bool = False) -> list[tuple[Any, ...]]:
        address = (self.owner if owner else self.application)["DATABASE_URL"]
        with psycopg.connect(address) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def manage(self, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
        """A ``manage.py`` command as the owner, to its end, however it ends."""
        return subprocess.run(
            [sys.executable, "manage.py", *arguments],
            cwd=PROJECT,
            env={**self.owner, **settings},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )

    def migrate(self) -> None:
        run_python(["manage.py", "migrate", "--verbosity=0"], self.owner)


@dataclass(frozen=True, slots=True)
class Production:
    """A server as compose makes it."""

    cluster: Cluster
    folder: Path

    @contextmanager
    def database(self) -> Iterator[Database]:
        """A new database without any table, which the owner owns."""
        name = f"test_{secrets.token_hex(4)}"
        self._execute("CREATE DATABASE {} OWNER stockroom_owner", name)
        data_dir = self.folder / name
        data_dir.mkdir()
        passwords = self.cluster.environment
        users = {
            "stockroom_owner": passwords["DATABASE_OWNER_PASSWORD"],
            "stockroom": passwords["DATABASE_PASSWORD"],
        }
        owner, application = (
            own_environment(
                data_dir,
                {
                    "DATABASE_URL": f"postgres://{user}:{password}"
                    f"@127.0.0.1:{self.cluster.port}/{name}",
                },
            )
            for user, password in users.items()
        )
        yield Database(name, {**owner, "DATABASE_APP_ROLE": "stockroom"}, application)
        self._execute("DROP DATABASE {} WITH (FORCE)", name)

    def _execute(self, statement: str, name: str) -> None:
        address = urlsplit(self.cluster.superuser_url)._replace(path="/postgres").geturl()
        with psycopg.connect(address, autocommit=True) as connection:
            connection.execute(sql.SQL(statement).format(sql.Identifier(name)))


@pytest.fixture(scope="package")
def production() -> Iterator[Production]:
    folder = Path(tempfile.mkdtemp(prefix="stockroom-"))  # every user may enter it
    folder.chmod(0o755)
    service = composition(made_up_secrets())["services"]["postgres"]
    cluster = Cluster(service, folder)
    with cluster.running():
        yield Production(cluster, folder)
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def used(production) -> Iterator[Database]:
    """A database that is in use, of the owner and with the application's own role."""
    with production.database() as database:
        database.migrate()
        yield database


@pytest.fixture(scope="module")
def server(used, tmp_path_factory) -> Iterator[RunningServer]:
    settings = {name: used.application[name] for name in ("DATABASE_URL", "API_KEY", "REDIS_URL")}
    with running_stockroom(tmp_path_factory.mktemp("web"), **settings) as server:
        yield server


@pytest.fixture
def empty(production) -> Iterator[Database]:
    """A database without tables."""
    with production.database() as database:
        yield database


def programs(folder: Path, **versions: str) -> dict[str, str]:
    """A PATH on which programs of these versions come first, and nothing of PostgreSQL else."""
    for name, version in versions.items():
        script = folder / name
        script.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
        script.chmod(0o755)
    return {"PATH": f"{folder}{os.pathsep}{os.defpath}"}
