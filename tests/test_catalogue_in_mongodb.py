"""All tests of the catalogue once more, with its documents in MongoDB."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from config import environment
from config.own_servers import own_redis_url
from tests.own_mongodb import some_mongodb
from tests.running import PROJECT, database_of_its_own

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

PYTEST = [sys.executable, "-m", "pytest", "-n0", "-q", "-p", "no:cacheprovider"]
OF_POSTGRESQL = 3
"""Tests about its locks and plans alone."""
AT_LEAST = 120
"""Tests there are."""


@pytest.mark.timeout(1500)  # one and a half minutes on a quiet machine
def test_the_catalogue_is_the_same_in_mongodb(tmp_path: Path):
    with database_of_its_own() as address, some_mongodb(tmp_path) as uri:
        done = subprocess.run(
            [*PYTEST, "tests/catalogue"],
            cwd=PROJECT,
            env=_without_xdist()
            | {
                "DATABASE_URL": address,
                "REDIS_URL": environment.url("REDIS_URL") or own_redis_url(),
                "MONGODB_URI": uri,
                "DATA_DIR": str(tmp_path / "data"),
            },
            capture_output=True,
            text=True,
            check=False,
        )
    assert done.returncode == 0, done.stdout + done.stderr
    told = re.search(r"(\d+) passed, (\d+) deselected in", done.stdout)
    assert told, done.stdout  # none failed, and none was skipped
    assert int(told[1]) >= AT_LEAST
    assert int(told[2]) == OF_POSTGRESQL


def _without_xdist() -> dict[str, str]:
    foreign = ("PYTEST_", "COV_")
    return {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
