"""What Kubernetes does every night: a new backup, and the oldest goes."""

from __future__ import annotations

import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.deploy.alerts import RULES
from tests.deploy.composition import composition
from tests.deploy.manifests import CONTAINERS, PODS, of_kind
from tests.deploy.servers import made_up_secrets

if TYPE_CHECKING:
    from pathlib import Path

IN_COMPOSE = composition(made_up_secrets())["services"]["operate"]["command"]


@pytest.fixture
def backups(tmp_path) -> Path:
    """A folder with old backups, what a killed one left, a new one, and a file of somebody."""
    long_ago = time.time() - 16 * 86400
    for name in ("stockroom-1.dump", "stockroom-2.dump.x.partial", "before-the-move.dump"):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (long_ago, long_ago))
    (tmp_path / "stockroom-3.dump").touch()
    return tmp_path


def nightly_backup(folder: Path, exit_code: int) -> set[str]:
    """What is there after the CronJob's command, of which ``manage.py backup`` ends like this."""
    programs = folder / "bin"
    programs.mkdir()
    python = programs / "python"
    python.write_text(f'#!/bin/sh\necho "$0 $@" >> {programs}/ran\nexit {exit_code}\n')
    python.chmod(0o755)
    words = [word.replace("/backups", str(folder)) for word in CONTAINERS["backup"]["command"]]
    done = subprocess.run(words, env={"PATH": f"{programs}{os.pathsep}{os.defpath}"}, check=False)
    assert done.returncode == exit_code
    return {path.name for path in folder.iterdir()} - {"bin"}


def test_every_night_there_is_a_new_backup_and_the_oldest_goes(backups):
    assert nightly_backup(backups, 0) == {"stockroom-3.dump", "before-the-move.dump"}
    (ran,) = (backups / "bin/ran").read_text().splitlines()
    wanted = " ".join(IN_COMPOSE).replace("/backups", str(backups))
    assert ran == f"{backups}/bin/{wanted}"


def test_where_the_new_backup_fails_no_old_one_goes(backups):
    before = {path.name for path in backups.iterdir()}
    assert nightly_backup(backups, 1) == before


def test_backups_are_in_a_claim_that_outlives_the_pod():
    (mount,) = CONTAINERS["backup"]["volumeMounts"][1:]
    (volume,) = PODS["backup"]["spec"]["volumes"][1:]
    assert mount["name"] == volume["name"]
    assert mount["mountPath"] == IN_COMPOSE[-1]
    assert volume["persistentVolumeClaim"]["claimName"] in of_kind("PersistentVolumeClaim")


def test_the_alert_on_old_backups_is_on_this_cronjob():
    ((name, job),) = of_kind("CronJob").items()
    assert job["spec"]["concurrencyPolicy"] == "Forbid"
    namespace = job["metadata"]["namespace"]
    assert f'{{namespace="{namespace}", cronjob="{name}"}}' in RULES.read_text()
