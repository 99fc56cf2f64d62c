"""Clients go on while the tables they use are migrated: the code before fits the tables after."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
import pytest

from tests.faults.traffic import Traffic, stocked_product
from tests.running import run_python, running_python, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("migrations")]

LONGEST_LOCK = 1.0  # seconds
LONGEST_WAIT = 1.2
"""For a second a migration may wait for its lock, and everybody else behind it."""
MOVEMENTS = 100_000
LOCKS = """
SELECT pid, granted, extract(epoch FROM clock_timestamp() - waitstart)::float
FROM pg_locks JOIN pg_class ON pg_class.oid = relation
WHERE relname IN ('products_product', 'inventory_stocklevel', 'inventory_stockmovement')
  AND (NOT granted OR mode = 'AccessExclusiveLock')
"""


class Watcher:
    """Notes for how long anybody shuts others out of the busiest tables, and is shut out.

    By PostgreSQL's word: how long a client waits says as much about a machine with more to do.
    """

    def __init__(self, server: RunningServer) -> None:
        self._address = server.environment["DATABASE_URL"]
        self._is_over = threading.Event()
        self.longest_lock = self.longest_wait = 0.0

    @contextmanager
    def watching(self) -> Iterator[Watcher]:
        thread = threading.Thread(target=self._watch)
        thread.start()
        try:
            yield self
        finally:
            self._is_over.set()
            thread.join()

    def _watch(self) -> None:
        since: dict[int, float] = {}
        with psycopg.connect(self._address, autocommit=True) as connection:
            while not self._is_over.wait(0.01):
                now = time.monotonic()
                locks = connection.execute(LOCKS).fetchall()
                since = {pid: since.get(pid, now) for pid, granted, _ in locks if granted}
                held = [now - began for began in since.values()]
                waited = [seconds for _, granted, seconds in locks if not granted and seconds]
                self.longest_lock = max([self.longest_lock, *held])
                self.longest_wait = max([self.longest_wait, *waited])


@pytest.fixture(scope="module")
def server(tmp_path_factory) -> Iterator[RunningServer]:
    """With a ledger that takes a moment to index."""
    with running_stockroom(tmp_path_factory.mktemp("migrating"), LOG_LEVEL="WARNING") as server:
        size = ["--products", "2000", "--movements", str(MOVEMENTS)]
        server.manage("seed_demo", "--verbosity=0", *size)
        yield server


def next_release(server: RunningServer) -> dict[str, str]:
    settings = "tests.faults.expanding.settings"
    return {**server.environment, "DJANGO_SETTINGS_MODULE": settings}


def migrate(server: RunningServer, target: str) -> None:
    run_python(["manage.py", "migrate", "expanding", target], next_release(server))


def migrate_under_traffic(server: RunningServer, target: str) -> tuple[Traffic, Watcher]:
    with (
        Traffic(server, stocked_product(server)).flowing() as traffic,
        Watcher(server).watching() as watcher,
    ):
        traffic.wait_for_more(20)
        migrate(server, target)
        traffic.wait_for_more(20)
    return traffic, watcher


def test_what_only_expands_holds_up_nobody(server):
    migrate(server, "zero")
    traffic, watcher = migrate_under_traffic(server, "0002")
    assert traffic.statuses() == {200}
    assert watcher.longest_lock < LONGEST_LOCK
    assert watcher.longest_wait < LONGEST_WAIT
    with psycopg.connect(server.environment["DATABASE_URL"]) as connection:
        index = "SELECT indisvalid FROM pg_index WHERE indexrelid = 'expanding_movements'::regclass"
        assert connection.execute(index).fetchone() == (True,)
        rule = "SELECT convalidated FROM pg_constraint WHERE conname = 'expanding_delta'"
        assert connection.execute(rule).fetchone() == (True,)


def test_behind_a_long_report_it_gives_way_and_tries_again(server, tmp_path):
    """For a table it waits half a second at the most: everybody else waits behind it."""
    migrate(server, "zero")
    log = tmp_path / "migrate.log"
    command = ["manage.py", "migrate", "expanding", "0001"]
    with (
        Traffic(server, stocked_product(server)).flowing() as traffic,
        Watcher(server).watching() as watcher,
        psycopg.connect(server.environment["DATABASE_URL"]) as report,
    ):
        report.execute("SET idle_in_transaction_session_timeout = 0")
        report.execute("SELECT count(*) FROM inventory_stocklevel")
        with running_python(command, next_release(server), log) as process:
            wait_until(lambda: "gave way" in log.read_text(), 60)
            report.rollback()
            assert process.wait(60) == 0, log.read_text()
        traffic.wait_for_more(5)
    assert traffic.statuses() == {200}
    assert 0.2 < watcher.longest_wait < LONGEST_WAIT


def test_what_rewrites_a_table_is_noticed(server):
    """Negative control: a migration as the linter refuses it."""
    migrate(server, "0002")
    _, watcher = migrate_under_traffic(server, "0003")
    assert watcher.longest_lock > LONGEST_LOCK
    assert watcher.longest_wait > LONGEST_LOCK
