"""A web process that is killed in the middle of an atomic document has done nothing of it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import psycopg
import pytest

from tests.common.api.atomic import ATOMIC, OPERATIONS, add, update
from tests.faults.test_drain import WAITING
from tests.faults.traffic import BROKEN, STOCK, Caller, stocked_product
from tests.running import running_stockroom
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

TAKE = "INSERT INTO products_category (id, name, slug, version) VALUES (%s, 'Taken', 'taken', 1)"
ID = "01900000-0000-7000-8000-000000000000"
LEVEL = "SELECT on_hand, (SELECT count(*) FROM inventory_stockmovement) FROM inventory_stocklevel"


def test_who_is_killed_between_two_operations_has_done_neither(tmp_path):
    """The second one waits for a key that somebody else is about to take, when it happens."""
    with (
        running_stockroom(tmp_path) as server,
        closing(Caller(server)) as caller,
        psycopg.connect(server.environment["DATABASE_URL"]) as holder,
        psycopg.connect(server.environment["DATABASE_URL"], autocommit=True) as observer,
        ThreadPoolExecutor(1) as threads,
    ):
        sale = update("inventory", stocked_product(server), {"quantity_delta": -1})
        document = {"atomic:operations": [sale, add("categories", {"name": "Taken"})]}
        headers = {"Idempotency-Key": "k", "Content-Type": ATOMIC}
        holder.execute(TAKE, [ID])
        asked = threads.submit(caller.ask, "POST", OPERATIONS, document, **headers)
        wait_until(lambda: observer.execute(WAITING).fetchone() == (1,))
        for worker in psutil.Process(server.process.pid).children():
            worker.kill()
        assert asked.result() == (BROKEN, {})
        holder.rollback()
        assert observer.execute(LEVEL).fetchall() == [(STOCK, 1)]
        wait_until(lambda: caller.ask("GET", "/health")[0] == 200)
        for _ in range(2):
            status, answer = caller.ask("POST", OPERATIONS, document, **headers)
            assert (status, len(answer["atomic:results"])) == (200, 2)
        assert observer.execute(LEVEL).fetchall() == [(STOCK - 1, 2)]
