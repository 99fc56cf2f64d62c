"""MongoDB killed: the catalogue is away, everything else goes on, and nothing is lost."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING, Any

import pytest
import requests

from tests.own_mongodb import OwnMongoDB, own_mongodb, with_mongodb
from tests.relaying import running_relay
from tests.running import RunningServer, running_stockroom
from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("faults")]

PATIENCE = 60.0


@pytest.fixture
def mongodb(tmp_path: Path) -> Iterator[OwnMongoDB]:
    with own_mongodb(tmp_path) as server:
        yield server


@pytest.fixture
def server(mongodb: OwnMongoDB, tmp_path: Path) -> Iterator[RunningServer]:
    folder = tmp_path / "stockroom"
    folder.mkdir()
    with running_stockroom(
        folder, WEB_CONCURRENCY="1", WEB_THREADS="4", **with_mongodb(mongodb.uri)
    ) as running:
        yield running


def ask(server: RunningServer, method: str, path: str, **attributes: Any) -> requests.Response:
    return requests.request(
        method,
        f"{server.base_url}/api/v1/{path}",
        json=attributes or None,
        headers={"X-API-Key": server.api_key},
        timeout=30,
    )


def quantity(server: RunningServer, product_id: str) -> int | None:
    """As the catalogue shows it; None where it does not."""
    answer = ask(server, "GET", f"catalogue/{product_id}")
    if answer.status_code != 200:
        return None
    return int(answer.json()["data"]["attributes"]["quantity"])


def finding(server: RunningServer) -> str:
    checks = requests.get(f"{server.base_url}/ready", timeout=30).json()["checks"]
    return str(checks["catalogue"]["status"])


def test_while_it_is_away_stock_is_sold_and_the_catalogue_catches_up(server, mongodb, tmp_path):
    made = ask(server, "POST", "products", name="Mug", description="Holds tea.", price="9.00")
    product_id = made.json()["data"]["id"]
    ask(server, "POST", "inventory", product_id=product_id, quantity=10)
    log = tmp_path / "projector.log"
    with running_relay(server.environment, log, "manage.py", "projector"):
        wait_until(lambda: quantity(server, product_id) == 10, PATIENCE)
        assert finding(server) == "healthy"

        mongodb.kill()
        away = ask(server, "GET", "catalogue")
        assert (away.status_code, away.headers["Retry-After"]) == (503, "1")
        assert away.json()["errors"][0]["code"] == "service_unavailable"
        for left in (9, 8, 7):
            sold = ask(server, "PATCH", f"inventory/{product_id}", quantity_delta=-1)
            assert sold.json()["data"]["attributes"]["quantity"] == left
        wait_until(lambda: finding(server) == "unhealthy", PATIENCE)
        wait_until(lambda: '"duty_failed"' in log.read_text(), PATIENCE)

        mongodb.start()
        wait_until(lambda: quantity(server, product_id) == 7, PATIENCE)
        wait_until(lambda: finding(server) == "healthy", PATIENCE)
    assert '"duty_broken"' not in log.read_text()
    assert '"status":500' not in server.log.read_text()
    server.manage("verify_catalogue", "--patience=1")


def test_readers_of_one_that_hangs_leave_threads_to_those_who_want_stock(server, mongodb):
    made = ask(server, "POST", "products", name="Mug", description="Holds tea.", price="9.00")
    product_id = made.json()["data"]["id"]
    ask(server, "POST", "inventory", product_id=product_id, quantity=10)
    ask(server, "GET", "catalogue")
    mongodb.freeze()
    with ThreadPoolExecutor(8) as threads:
        reading = [threads.submit(ask, server, "GET", "catalogue") for _ in range(8)]
        sent_away = next(as_completed(reading)).result()  # the others keep half of the threads
        sold = ask(server, "PATCH", f"inventory/{product_id}", quantity_delta=-1)
        waiting = [one for one in reading if not one.done()]
        assert (sent_away.status_code, sold.status_code) == (503, 200)
        assert len(waiting) == 2
        mongodb.thaw()
