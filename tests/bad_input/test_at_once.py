"""Requests that contradict each other, sent at the same moment: each gets an answer that fits."""

from __future__ import annotations

import secrets
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.concurrency]

PRODUCTS = "/api/v1/products"
GOOD = {"name": "Lamp", "description": "Bright", "price": "9.90"}
ROUNDS = range(5)


def at_once(shop, *requests):
    """The statuses of these requests, sent together, in their order."""
    start = Barrier(len(requests), timeout=10)

    def sent(request):
        start.wait()
        return shop.send(*request).status

    with ThreadPoolExecutor(len(requests)) as threads:
        return list(threads.map(sent, requests))


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_product_is_deleted_once(shop, _round):
    made = shop.made("products", **GOOD)
    statuses = at_once(shop, *[("DELETE", f"{PRODUCTS}/{made}")] * 6)
    assert sorted(statuses) == [204, 404, 404, 404, 404, 404]


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PRODUCTS, GOOD | {"sku": "$unique"}),
        ("/api/v1/categories", {"name": "Race", "slug": "$unique"}),
        ("/api/v1/locations", {"name": "Race", "code": "$unique"}),
    ],
)
def test_a_key_is_given_once(shop, path, body):
    unique = secrets.token_hex(8)
    body = {name: unique if value == "$unique" else value for name, value in body.items()}
    statuses = at_once(shop, *[("POST", path, body)] * 6)
    assert sorted(statuses) == [201, 409, 409, 409, 409, 409]


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_category_goes_or_gets_products(shop, _round):
    category = shop.made("categories", name="Race", slug=secrets.token_hex(8))
    creating = ("POST", PRODUCTS, GOOD | {"category_id": category})
    deleted, *created = at_once(shop, ("DELETE", f"/api/v1/categories/{category}"), *[creating] * 4)
    assert (deleted, set(created)) in [(204, {404}), (409, {201})]


@pytest.mark.parametrize("_round", ROUNDS)
def test_a_product_that_is_being_deleted_is_changed_before_or_not_at_all(shop, _round):
    path = f"{PRODUCTS}/{shop.made('products', **GOOD)}"
    changing = [("PATCH", path, {"name": f"Lamp {number}"}) for number in range(4)]
    deleted, *changed = at_once(shop, ("DELETE", path), *changing)
    assert deleted == 204
    assert set(changed) <= {200, 404}
    assert shop.send("GET", path).status == 404


@pytest.mark.parametrize("_round", ROUNDS)
def test_stock_is_opened_once_for_a_product_that_is_being_deleted(shop, _round):
    made = shop.made("products", **GOOD)
    opening = ("POST", "/api/v1/inventory", {"product_id": made, "quantity": 5})
    deleted, *opened = at_once(shop, ("DELETE", f"{PRODUCTS}/{made}"), *[opening] * 4)
    assert deleted == 204
    assert set(opened) <= {201, 404, 409}
    assert opened.count(201) <= 1
    assert shop.send("GET", f"/api/v1/inventory/{made}").status == 404
