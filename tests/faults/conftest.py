from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg
import pytest

from tests.common.own_redis import OwnRedis
from tests.faults.traffic import CLIENTS, Caller, Traffic, stocked_product
from tests.running import running_stockroom

if TYPE_CHECKING:
    from collections.abc import Iterator

    from config.embedded import Servers
    from tests.running import RunningServer


@dataclass(frozen=True, slots=True)
class Stand:
    """A web server with a PostgreSQL and a Redis that only its tests use, and may break."""

    server: RunningServer
    servers: Servers
    redis: OwnRedis
    data_dir: Path
    """Of the PostgreSQL."""

    def caller(self) -> Caller:
        return Caller(self.server)

    def product(self) -> str:
        return stocked_product(self.server)

    def traffic(self, clients: tuple[str, ...] = CLIENTS) -> Traffic:
        return Traffic(self.server, self.product(), clients)

    def rows(self, query: str, *parameters: Any) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.server.environment["DATABASE_URL"]) as connection:
            return connection.execute(query, parameters).fetchall()


@pytest.fixture(scope="package")
def stand(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stand]:
    from config import embedded

    folder = tmp_path_factory.mktemp("faults")
    with (
        tempfile.TemporaryDirectory() as short,  # a socket's path is
        embedded.servers(folder, postgres=True, redis=False) as servers,
    ):
        redis = OwnRedis(Path(short))
        redis.start()
        settings = {"DATABASE_URL": embedded.database_url(folder), "REDIS_URL": redis.url}
        with running_stockroom(folder, LOG_LEVEL="WARNING", **settings) as server:
            yield Stand(server, servers, redis, folder)
        redis.kill()
