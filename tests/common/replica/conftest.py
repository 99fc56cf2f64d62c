from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection, connections

from common.replica import reading
from common.replica import standing as standings
from common.replica.routing import REPLICA

if TYPE_CHECKING:
    from collections.abc import Iterator

HAS_COME = "SELECT %s >= 0, set_config('statement_timeout', %s, true)"
"""The test's database is no replica; here it counts as one that has come as far as anybody."""


@pytest.fixture(scope="package", autouse=True)
def second_way(django_db_setup) -> Iterator[None]:
    """To the tests' own database: before pytest-django looks which databases there are."""
    own = copy.deepcopy(connection.settings_dict)
    own["TEST"]["MIRROR"] = "default"
    connections.settings[REPLICA] = own | {"ENGINE": "common.replica"}
    yield
    del connections.settings[REPLICA]


@pytest.fixture
def noting(settings) -> None:
    """Requests leave positions behind."""
    middleware = "common.replica.middleware.PositionMiddleware"
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, middleware]


@pytest.fixture
def replica(transactional_db, noting, settings, monkeypatch) -> Iterator[Any]:
    """The second way, taken for a replica."""
    settings.DATABASE_ROUTERS = ["common.replica.routing.Router"]
    monkeypatch.setattr(reading, "HAS_COME", HAS_COME)
    yield connections[REPLICA]
    connections[REPLICA].close()


@pytest.fixture
def in_use(replica, monkeypatch) -> standings.Standing:
    """As it is once the replica has been looked at; nobody looks in the background."""
    standing = standings.Standing()
    standing._is_watched = standing._is_usable = True
    monkeypatch.setattr(standings, "_standing", standing)
    return standing
