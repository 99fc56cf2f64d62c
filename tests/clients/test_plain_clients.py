"""The clients of the services that Stockroom replaces: curl, plain JSON, word for word."""

import json
import shlex
import subprocess
from uuid import uuid4

import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def curl(running_server):
    """Run a curl command as it stands in the old clients' manual; the answer, parsed."""

    def run(command: str, **values: str) -> tuple[int, dict]:
        filled = command.replace("http://localhost:8001", running_server.base_url)
        filled = filled.replace("http://localhost:8002", running_server.base_url)
        for name, value in ({"API_KEY": running_server.api_key} | values).items():
            filled = filled.replace(f"${name}", value)
        done = subprocess.run(
            [*shlex.split(filled), "-s", "-w", "\n%{http_code}"],
            capture_output=True,
            text=True,
            check=True,
            timeout=30,
        )
        body, _, status = done.stdout.rpartition("\n")
        return int(status), json.loads(body) if body else {}

    return run


@pytest.mark.parametrize("slash", ["", "/"])
def test_the_life_of_a_product_as_the_old_clients_live_it(curl, slash):
    status, made = curl(
        f"""curl -X POST http://localhost:8001/api/v1/products{slash}
        -H "Content-Type: application/json" -H "X-API-Key: $API_KEY"
        -d '{{"name": "Laptop", "description": "Thin and quiet", "price": 1299.99,
              "images": ["https://example.com/laptop.jpg"]}}'"""
    )
    assert (status, made["data"]["attributes"]["price"]) == (201, "1299.99")
    product_id = made["data"]["id"]

    one = f'curl http://localhost:8001/api/v1/products/$ID{slash} -H "X-API-Key: $API_KEY"'
    assert curl(one, ID=product_id)[1]["data"] == made["data"]

    status, page = curl(
        f'curl "http://localhost:8001/api/v1/products{slash}?page=1&size=10"'
        ' -H "X-API-Key: $API_KEY"'
    )
    assert status == 200
    assert page["meta"]["page"]["size"] == 10

    status, changed = curl(
        one + """ -X PATCH -H "Content-Type: application/json" -d '{"price": 999}'""",
        ID=product_id,
    )
    assert (status, changed["data"]["attributes"]["price"]) == (200, "999.00")

    status, stocked = curl(
        f"""curl -X POST http://localhost:8002/api/v1/inventory{slash}
        -H "Content-Type: application/json" -H "X-API-Key: $API_KEY"
        -d '{{"product_id": "$ID", "quantity": 100}}'""",
        ID=product_id,
    )
    assert (status, stocked["data"]["attributes"]["quantity"]) == (201, 100)

    stock = f'curl http://localhost:8002/api/v1/inventory/$ID{slash} -H "X-API-Key: $API_KEY"'
    body = ' -X PATCH -H "Content-Type: application/json" -d \'{"quantity_delta": -5}\''
    status, sold = curl(stock + body, ID=product_id)
    assert (status, sold["data"]["attributes"]["quantity"]) == (200, 95)
    assert sold["data"]["attributes"]["product_id"] == product_id
    assert curl(stock, ID=product_id)[1]["data"]["attributes"]["quantity"] == 95

    status, refused = curl(stock + body.replace("-5", "-96"), ID=product_id)
    assert (status, refused["errors"][0]["code"]) == (422, "insufficient_stock")

    assert curl(one + " -X DELETE", ID=product_id)[0] == 204
    assert curl(one, ID=product_id)[0] == 404


def test_an_unknown_product_and_a_missing_key_are_told_apart(curl):
    address = f"http://localhost:8001/api/v1/products/{uuid4()}"
    status, missing = curl(f'curl {address} -H "X-API-Key: $API_KEY"')
    assert (status, missing["errors"][0]["code"]) == (404, "not_found")
    status, unknown = curl(f"curl {address}")
    assert (status, unknown["errors"][0]["code"]) == (401, "not_authenticated")
