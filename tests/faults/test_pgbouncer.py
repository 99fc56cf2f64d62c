"""Behind PgBouncer in transaction mode, where a session's own settings are lost."""

from __future__ import annotations

import signal
import subprocess
import tempfile
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from config.embedded.account import Account
from tests.faults.traffic import STOCK, Caller, Traffic, stocked_product
from tests.needs import program
from tests.running import database_of_its_own, free_port, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.running import RunningServer

pytestmark = pytest.mark.slow

CONNECTIONS = 3  # fewer than the server has threads
CONFIGURATION = """\
[databases]
* = {target}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = {size}
"""


@contextmanager
def pgbouncer(address: str) -> Iterator[str]:
    """The address of the same database behind a PgBouncer with few connections."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)  # it refuses to be root
        with _pgbouncer(folder, address) as through:
            yield through


@contextmanager
def _pgbouncer(folder: Path, address: str) -> Iterator[str]:
    port, where = free_port(), conninfo_to_dict(address)
    name = where.pop("dbname")
    target = " ".join(f"{key}={value}" for key, value in where.items())
    configuration = folder / "pgbouncer.ini"
    configuration.write_text(CONFIGURATION.format(target=target, port=port, size=CONNECTIONS))
    configuration.chmod(0o644)
    process = subprocess.Popen(
        [program("pgbouncer"), "-q", str(configuration)],
        stderr=subprocess.DEVNULL,
        **Account.unprivileged().popen_options(at_our_death=signal.SIGTERM),
    )
    through = f"postgres://{where['user']}@127.0.0.1:{port}/{name}"
    try:
        wait_until(lambda: answers(through))
        yield through
    finally:
        process.kill()
        process.wait()


def answers(address: str) -> bool:
    try:
        psycopg.connect(address).close()
    except psycopg.OperationalError:
        return False
    return True


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with database_of_its_own() as found:
        yield found


@pytest.fixture(scope="module")
def server(address, tmp_path_factory) -> Iterator[RunningServer]:
    folder = tmp_path_factory.mktemp("pooled")
    with (
        pgbouncer(address) as through,
        running_stockroom(folder, DATABASE_URL=through, LOG_LEVEL="WARNING") as running,
    ):
        yield running


def test_everything_works_with_fewer_connections_than_threads(server):
    product_id = stocked_product(server)
    with Traffic(server, product_id).flowing() as traffic:
        traffic.wait_for_more(20)
    assert traffic.statuses() == {200}
    with closing(Caller(server)) as caller:
        _, document = caller.ask("GET", f"/api/v1/inventory/{product_id}")
    assert document["data"]["attributes"]["quantity"] == STOCK - len(traffic.sold())
    server.manage("verify_stock")


def test_time_outs_hold_though_no_session_asks_for_them(server, address):
    product_id = stocked_product(server)
    with psycopg.connect(address) as holder, closing(Caller(server)) as caller:
        holder.execute(
            "SELECT 1 FROM inventory_stocklevel WHERE product_id = %s FOR UPDATE", [product_id]
        )
        sale = {"quantity_delta": -1}
        found = caller.ask_closely("PATCH", f"/api/v1/inventory/{product_id}", sale)
    status, document, retry_after = found
    assert (status, retry_after) == (503, "1")
    assert document["errors"][0]["code"] == "service_unavailable"
