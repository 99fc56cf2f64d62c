"""A replica and PgBouncer, for real; and the trial itself finds what is broken."""

from __future__ import annotations

import subprocess

import pytest

from tests.deploy.image import PROJECT
from tests.needs import program

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("scale out")]


def tried(*options: str) -> subprocess.CompletedProcess[str]:
    program("pgbouncer")
    command = [str(PROJECT / "deploy/scale_out.sh"), "--pairs", "200", *options]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def test_every_promise_is_kept():
    done = tried()
    assert done.returncode == 0, done.stdout + done.stderr
    assert "8 of 8 promises kept" in done.stdout


@pytest.mark.parametrize(
    ("plant", "promise"),
    [("no-positions", "read your own writes"), ("no-deadline", "the replica freezes")],
)
def test_a_planted_mistake_is_found(plant, promise):
    done = tried("--plant", plant, "--only", promise)
    assert done.returncode == 1, done.stdout + done.stderr
    assert f"BROKEN  {promise}" in done.stdout
