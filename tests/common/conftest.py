from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.common.own_redis import OwnRedis

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def own_redis(settings) -> Iterator[OwnRedis]:
    """A Redis for this test alone, in place of the one that the settings name."""
    with tempfile.TemporaryDirectory() as folder:  # a short path, as sockets need it
        server = OwnRedis(Path(folder))
        server.start()
        settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": server.url}}
        yield server
        server.kill()


@pytest.fixture
def no_redis(settings) -> None:
    """Nothing listens where the settings say that Redis is."""
    nowhere = "unix:///nonexistent/redis.sock?db=0"
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": nowhere}}
