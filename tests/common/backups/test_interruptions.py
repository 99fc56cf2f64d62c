"""What a backup and a restore hold on to while they work, and what is left where they stop."""

from __future__ import annotations

import os
import shlex
import signal
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from common.backups.programs import fitting
from common.backups.schemas import ASIDE
from tests.running import PROJECT, running_python
from tests.waiting import wait_until

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Iterator
    from pathlib import Path

    from tests.common.backups.conftest import Database

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backups")]

SILENT = ("--force", "--no-input", "--verbosity=0", "--despite-connections")
LOOKING = """
import os
import sys

import psycopg

from tests.waiting import wait_until

log, program, *arguments = sys.argv[1:]
if arguments != ["--version"]:
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as here:
        others = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        others += " AND backend_type = 'client backend' AND pid <> pg_backend_pid()"
        wait_until(lambda: here.execute(others).fetchone() == (0,))
    with open(log, "a") as told:
        print(os.path.basename(program), *arguments, file=told)
os.execv(program, [program, *arguments])
"""
"""A client program that works once nobody else is connected, and fails where somebody stays."""
BUSY_WITH = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE %s
"""
REMAINS = "SELECT count(*) FROM pg_namespace WHERE nspname = %s"
WHOLE = "SELECT count(*) FROM django_migrations"


@pytest.fixture(scope="module")
def file(used, tmp_path_factory) -> Path:
    file = tmp_path_factory.mktemp("backups") / "one.dump"
    assert used.manage("backup", str(file)).returncode == 0
    return file


def test_no_connection_of_ours_is_idle_while_a_program_works(used, tmp_path):
    ((version,),) = used.rows("SELECT current_setting('server_version_num')::int / 10000")
    log = tmp_path / "ran.log"
    for name in ("pg_dump", "pg_restore"):
        real = fitting(name, version)[0].path
        words = [sys.executable, "-c", LOOKING, str(log), str(real)]
        program = tmp_path / name
        program.write_text(f'#!/bin/sh\nexec {shlex.join(words)} "$@"\n')
        program.chmod(0o755)
    settings = {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(PROJECT)}
    target = tmp_path / "one.dump"
    for command in (("backup", str(target)), ("restore", str(target), *SILENT)):
        done = used.manage(*command, **settings)
        assert done.returncode == 0, done.stderr
    ran = [line.split()[0] for line in log.read_text().splitlines()]
    assert ran == ["pg_dump", "pg_restore", "pg_restore", "pg_restore", "pg_restore"]


@contextmanager
def restoring(used: Database, file: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    with running_python(["manage.py", "restore", str(file), *SILENT], used.owner, log) as process:
        yield process


@contextmanager
def holder_of(used: Database) -> Iterator[psycopg.Connection]:
    """Somebody who stays in a transaction for as long as it takes."""
    with psycopg.connect(used.owner["DATABASE_URL"]) as holder:
        holder.execute("SET idle_in_transaction_session_timeout = 0")
        yield holder
        holder.rollback()


def interrupt(used: Database, process: subprocess.Popen[bytes], statement: str) -> None:
    """As Ctrl-C does, while this statement waits for a lock; returns when it waits no more."""

    def waits() -> bool:
        return used.rows(BUSY_WITH, f"{statement}%", owner=True) != [(0,)]

    wait_until(waits, 60)
    process.send_signal(signal.SIGINT)
    wait_until(lambda: not waits(), 8)  # before the wait ends by itself


def test_interrupted_while_statistics_are_gathered_it_says_what_is_left_to_do(used, file, tmp_path):
    before = used.rows(WHOLE)
    used.rows("CREATE SCHEMA elsewhere", owner=True)
    used.rows("CREATE TABLE elsewhere.held ()", owner=True)
    log = tmp_path / "restore.log"
    try:
        with holder_of(used) as holder, restoring(used, file, log) as process:
            holder.execute("LOCK TABLE elsewhere.held IN SHARE UPDATE EXCLUSIVE MODE")
            interrupt(used, process, "ANALYZE")
            assert process.wait(60) == 1
    finally:
        used.rows("DROP SCHEMA elsewhere CASCADE", owner=True)
    assert "The database is restored, but that was not all: run `ANALYZE`" in log.read_text()
    assert used.rows(WHOLE) == before
    assert used.rows(REMAINS, ASIDE) == [(0,)]


def test_interrupted_while_what_was_there_is_dropped_it_puts_that_back(used, file, tmp_path):
    used.rows("CREATE TABLE before_it ()", owner=True)
    log = tmp_path / "restore.log"
    with holder_of(used) as holder, restoring(used, file, log) as process:
        wait_until(lambda: used.rows(REMAINS, ASIDE) == [(1,)], 60)
        holder.execute(f"LOCK TABLE {ASIDE}.before_it IN ACCESS SHARE MODE")
        interrupt(used, process, "DROP SCHEMA")
        holder.rollback()
        assert process.wait(60) == 1
    assert "Interrupted: the database is as it was." in log.read_text()
    used.rows("DROP TABLE public.before_it", owner=True)
    assert used.rows(REMAINS, ASIDE) == [(0,)]
