"""The whole stand, and the clients that try it."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tests.common.own_redis import OwnRedis
from tests.deploy.composition import composition
from tests.deploy.scale_out.servers import PgBouncer, Replica
from tests.deploy.servers import Cluster, made_up_secrets
from tests.faults.traffic import Caller
from tests.running import running_stockroom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

POOL = 6
"""Connections of PgBouncer to each server: fewer than the application has threads."""
MAKE_KEYS = """
from common.access.operations import create_key
from common.access.scopes import ALL_SCOPES
for number in range(500):
    print(create_key(name=f"client {number}", scopes=ALL_SCOPES, created_by="", quota=0)[1])
"""


@dataclass(frozen=True, slots=True)
class Stand:
    server: RunningServer
    primary: Cluster
    replica: Replica
    keys: Iterator[str]
    """Of as many clients as are wanted; the server's own is one more's."""
    pairs: int

    def caller(self, key: str) -> Caller:
        return Caller(replace(self.server, api_key=key))


def some_keys(server: RunningServer) -> Iterator[str]:
    printed = server.manage("shell", "--verbosity=0", "--command", MAKE_KEYS)
    return iter(printed.splitlines())


@contextmanager
def stand(pairs: int, application: str = "config.wsgi") -> Iterator[Stand]:
    """All of it, running; ``pairs`` of a write and a list are to be tried in each condition."""
    with tempfile.TemporaryDirectory(prefix="stockroom-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # PostgreSQL and PgBouncer do not run as root
        passwords = made_up_secrets()
        cluster = Cluster(composition(passwords)["services"]["postgres"], folder)
        with cluster.running():
            replica = Replica(cluster, folder)
            replica.copy()
            try:
                replica.start()
                with _served(folder, cluster, replica, passwords, application) as (server, keys):
                    yield Stand(server, cluster, replica, keys, pairs)
            finally:
                replica.kill()


@contextmanager
def _served(
    folder: Path,
    cluster: Cluster,
    replica: Replica,
    passwords: dict[str, str],
    application: str,
) -> Iterator[tuple[RunningServer, Iterator[str]]]:
    bouncer = PgBouncer(folder, cluster, replica, POOL)
    redis = OwnRedis(folder)
    redis.start()
    try:
        with (
            bouncer.running(),
            running_stockroom(
                folder,
                application=application,
                owner_url=_owner_url(cluster, passwords),
                **_settings(bouncer, redis, passwords),
            ) as server,
        ):
            yield server, some_keys(server)
    finally:
        redis.kill()


def _owner_url(cluster: Cluster, passwords: dict[str, str]) -> str:
    """Migrations go to PostgreSQL directly, by the owner of the tables."""
    owner = f"stockroom_owner:{passwords['DATABASE_OWNER_PASSWORD']}"
    return f"postgres://{owner}@127.0.0.1:{cluster.port}/stockroom"


def _settings(bouncer: PgBouncer, redis: OwnRedis, passwords: dict[str, str]) -> dict[str, str]:
    through = f"postgres://stockroom:{passwords['DATABASE_PASSWORD']}@127.0.0.1:{bouncer.port}"
    return {
        "DATABASE_URL": f"{through}/stockroom",
        "DATABASE_REPLICA_URL": f"{through}/stockroom_replica",
        "DATABASE_APP_ROLE": "stockroom",
        "REDIS_URL": redis.url,
        "LOG_LEVEL": "INFO",
    }
