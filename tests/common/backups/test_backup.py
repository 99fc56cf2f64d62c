"""A backup is whole, of one moment, and there or not there: while clients keep selling."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psutil
import pytest

from tests.faults.test_pgbouncer import pgbouncer
from tests.faults.traffic import Traffic, stocked_product
from tests.running import PROJECT, running_python
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.common.backups.conftest import Database

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("backups")]

CLIENTS = ("sale", "sale", "sale", "product")
SOLD = "SELECT coalesce(-sum(delta), 0) FROM inventory_stockmovement WHERE delta < 0"
COUNTS = """
SELECT (SELECT count(*) FROM inventory_stockmovement), (SELECT count(*) FROM events_event),
       (SELECT count(*) FROM idempotency_idempotencyrecord),
       (SELECT sum(on_hand) FROM inventory_stocklevel)
"""


@pytest.fixture(scope="module")
def product(server) -> str:
    return stocked_product(server)


@contextmanager
def held_up(used: Database, target: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A backup that cannot end: somebody has locked a table, as no migration of ours does."""
    import psycopg

    with psycopg.connect(used.owner["DATABASE_URL"]) as holder:
        holder.execute("SET idle_in_transaction_session_timeout = 0")
        holder.execute("LOCK TABLE saved_views_savedview IN ACCESS EXCLUSIVE MODE")
        log = target.with_suffix(".log")
        command = ["manage.py", "backup", str(target)]
        with running_python(command, used.owner, log) as process:
            wait_until(lambda: list(target.parent.glob("*.partial")), 60)
            wait_until(lambda: dumper_of(process), 60)
            yield process
            holder.rollback()
            process.wait(60)


def dumper_of(process: subprocess.Popen[bytes]) -> psutil.Process | None:
    children = psutil.Process(process.pid).children(recursive=True)
    return next((child for child in children if child.name() == "pg_dump"), None)


def test_it_is_of_one_moment_while_clients_go_on_and_what_comes_back_adds_up(
    used, server, product, empty, tmp_path
):
    file = tmp_path / "one.dump"
    with Traffic(server, product, CLIENTS).flowing() as traffic:
        traffic.wait_for_more(5)
        before = len(traffic.sold())
        done = used.manage("backup", str(file))
        assert done.returncode == 0, done.stderr
        at_least = before
        traffic.wait_for_more(5)
    assert traffic.statuses() == {200}
    assert "one.dump: " in done.stdout
    assert file.stat().st_mode & 0o077 == 0, "secrets are in it"
    restored = empty.manage("restore", str(file))
    assert restored.returncode == 0, restored.stderr
    ((sold,),) = empty.rows(SOLD)
    assert at_least <= sold <= len(traffic.sold())
    movements, events, answers, _ = empty.rows(COUNTS)[0]
    assert movements == sold + 1, "the opening stock"
    assert answers == sold, "each sale had a key; the product and its stock had none"
    assert events == sold + 2


def test_a_file_that_is_there_is_not_replaced_unless_asked(used, tmp_path):
    file = tmp_path / "kept.dump"
    file.write_text("precious")
    refused = used.manage("backup", str(file))
    assert (refused.returncode, file.read_text()) == (1, "precious")
    assert "exists already" in refused.stderr
    assert used.manage("backup", str(file), "--force").returncode == 0
    assert file.read_bytes().startswith(b"PGDMP")


def test_into_a_folder_it_has_the_time_for_a_name(used, tmp_path):
    assert used.manage("backup", str(tmp_path)).returncode == 0
    (file,) = tmp_path.iterdir()
    assert file.match("stockroom-????????T??????Z.dump")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
def test_one_that_is_ended_leaves_nothing_under_its_name(used, tmp_path, how):
    target = tmp_path / "never.dump"
    with held_up(used, target) as process:
        dumper = dumper_of(process)
        process.send_signal(how)
        assert process.wait(30) != 0
        if how == signal.SIGTERM:
            assert not list(tmp_path.glob("*.partial"))
            assert not dumper.is_running()
    assert not target.exists()


def test_no_password_stands_on_a_command_line(used, tmp_path):
    with held_up(used, tmp_path / "never.dump") as process:
        dumper = dumper_of(process)
        words = " ".join([*dumper.cmdline(), *psutil.Process(process.pid).cmdline()])
        password = dumper.environ()["PGPASSWORD"]
    assert len(password) > 30
    assert password not in words


def test_time_outs_of_requests_do_not_cut_it(used, tmp_path):
    """Of the owner, who otherwise has ten seconds for a statement and one for a lock."""
    role = f"ALTER ROLE stockroom_owner IN DATABASE {used.name}"
    limits = ("statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout")
    before = {name: used.rows(f"SHOW {name}", owner=True)[0][0] for name in limits}
    long = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'pg_dump'"
        " AND wait_event_type = 'Lock' AND clock_timestamp() - query_start > interval '1.5 s'"
    )
    target = tmp_path / "one.dump"
    for name in limits:
        used.rows(f"{role} SET {name} = '1s'", owner=True)
    try:
        with held_up(used, target) as process:
            wait_until(lambda: used.rows(long, owner=True) == [(1,)], 60)
        assert process.returncode == 0, target.with_suffix(".log").read_text()
    finally:
        for name, value in before.items():
            used.rows(f"{role} SET {name} = '{value}'", owner=True)
    assert target.exists()


def test_through_a_connection_pool_it_is_refused(used, tmp_path):
    with pgbouncer(used.owner["DATABASE_URL"]) as through:
        settings = {"DATABASE_URL": through}
        done = used.manage("backup", str(tmp_path / "one.dump"), **settings)
    assert done.returncode == 1
    assert "connection pool" in done.stderr
    assert list(tmp_path.iterdir()) == []


def test_the_applications_own_role_is_told_that_it_may_not(used, tmp_path):
    command = [sys.executable, "manage.py", "backup", str(tmp_path / "one.dump")]
    done = subprocess.run(
        command, cwd=PROJECT, env=used.application, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "privilege" in done.stderr
    assert list(tmp_path.iterdir()) == []
