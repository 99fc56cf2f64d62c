"""Asked to stop, the web server finishes what it has begun."""

from __future__ import annotations

import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import psutil
import psycopg
import pytest

from tests.faults.traffic import STOCK, Caller, Traffic, stocked_product
from tests.running import running_stockroom
from tests.waiting import wait_until

pytestmark = pytest.mark.slow

ROUNDS = int(os.environ.get("ROLLING_RESTARTS", "5"))
"""``ROLLING_RESTARTS=50`` asks for as many as RULES §6 promises."""

WAITING = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND wait_event_type = 'Lock'
"""


def is_refused(port: int) -> bool:
    """Nobody can queue up any more: a proxy asks the next server then, whatever the request is."""
    try:
        socket.create_connection(("127.0.0.1", port)).close()
    except ConnectionRefusedError:
        return True
    return False


def test_a_request_under_way_is_answered_before_the_server_ends(tmp_path):
    with (
        running_stockroom(tmp_path) as server,
        closing(Caller(server)) as caller,
        psycopg.connect(server.environment["DATABASE_URL"]) as holder,
        psycopg.connect(server.environment["DATABASE_URL"], autocommit=True) as observer,
        ThreadPoolExecutor(1) as threads,
    ):
        path = f"/api/v1/inventory/{stocked_product(server)}"
        holder.execute("SELECT 1 FROM inventory_stocklevel FOR UPDATE")
        sale = threads.submit(caller.ask, "PATCH", path, {"quantity_delta": -1})
        wait_until(lambda: observer.execute(WAITING).fetchone() == (1,))
        server.process.terminate()
        wait_until(lambda: is_refused(int(server.environment["PORT"])))
        holder.rollback()
        status, document = sale.result()
        assert server.process.wait(30) == 0
    assert status == 200
    assert document["data"]["attributes"]["quantity"] == STOCK - 1


def test_no_request_is_lost_while_all_workers_are_replaced_again_and_again(tmp_path):
    with running_stockroom(tmp_path) as server:
        arbiter = psutil.Process(server.process.pid)
        with Traffic(server, stocked_product(server)).flowing() as traffic:
            for _ in range(ROUNDS):
                before = {worker.pid for worker in arbiter.children()}
                server.process.send_signal(signal.SIGHUP)
                wait_until(lambda old=before: not old & {one.pid for one in arbiter.children()}, 60)
                traffic.wait_for_more(2)
    assert traffic.statuses() == {200}
