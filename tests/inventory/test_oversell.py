"""Sixty-four clients, one product, a real server with several processes."""

from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from json import dumps, loads
from urllib.parse import urlsplit

import pytest

pytestmark = pytest.mark.slow

CLIENTS = 64
STOCK = 200
ATTEMPTS_EACH = 5


@pytest.fixture
def call(running_server):
    """Send one request on a connection of its own; status and document."""

    def send(method: str, path: str, body: dict | None = None, **headers: str):
        connection = HTTPConnection(urlsplit(running_server.base_url).netloc, timeout=30)
        try:
            connection.request(
                method,
                f"/api/v1/{path}",
                dumps(body) if body is not None else None,
                {
                    "Content-Type": "application/json",
                    "X-API-Key": running_server.api_key,
                    **headers,
                },
            )
            answer = connection.getresponse()
            return answer.status, loads(answer.read() or b"{}")
        finally:
            connection.close()

    return send


def stocked(call, quantity: int) -> str:
    product = {"name": "Mug", "description": "Holds tea", "price": 9.99}
    product_id = call("POST", "products", product)[1]["data"]["id"]
    assert call("POST", "inventory", {"product_id": product_id, "quantity": quantity})[0] == 201
    return product_id


def ledger_of(call, product_id: str) -> list[dict]:
    movements: list[dict] = []
    path = f"stock-movements?filter[product]={product_id}&page[size]=100"
    while path:
        document = call("GET", path)[1]
        movements += [one["attributes"] for one in document["data"]]
        path = document["links"].get("next", "").rpartition("/api/v1/")[2]
    return sorted(movements, key=lambda movement: movement["sequence"])


def test_nothing_is_oversold_and_every_sale_is_in_the_ledger(call, running_server):
    product_id = stocked(call, STOCK)

    def buy(_):
        path = f"inventory/{product_id}"
        return [call("PATCH", path, {"quantity_delta": -1})[0] for _ in range(ATTEMPTS_EACH)]

    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = [status for answers in clients.map(buy, range(CLIENTS)) for status in answers]

    assert statuses.count(200) == STOCK
    assert statuses.count(422) == CLIENTS * ATTEMPTS_EACH - STOCK
    ledger = ledger_of(call, product_id)
    assert [movement["sequence"] for movement in ledger] == list(range(1, STOCK + 2))
    assert [movement["on_hand_after"] for movement in ledger] == list(range(STOCK, -1, -1))
    assert call("GET", f"inventory/{product_id}")[1]["data"]["attributes"]["quantity"] == 0
    running_server.manage("verify_stock")  # fails when a counter and the ledger differ


def test_one_key_sent_by_many_at_once_is_applied_once(call):
    product_id = stocked(call, STOCK)
    key = {"Idempotency-Key": f"order-of-{product_id}"}

    def buy(_):
        return call("PATCH", f"inventory/{product_id}", {"quantity_delta": -3}, **key)[0]

    with ThreadPoolExecutor(CLIENTS) as clients:
        statuses = set(clients.map(buy, range(CLIENTS)))
    assert statuses <= {200, 409}
    assert len(ledger_of(call, product_id)) == 2
