"""Rows of up to a hundred SKUs in one request."""

import pytest

from tests.factories import ProductFactory, StockLevelFactory

API = "/api/v1"
PATHS = ("products", "inventory", "stock-levels")


@pytest.fixture
def shelf(db):
    return [StockLevelFactory(product__sku=f"S-{number}", on_hand=number) for number in range(4)]


@pytest.mark.parametrize("path", PATHS)
def test_any_of_some_skus_in_any_case(client, shelf, path):
    answer = client.get(f"{API}/{path}", {"filter[sku][in]": "s-1, S-3,unknown"}).json()
    wanted = {
        str(level.pk if path == "stock-levels" else level.product_id) for level in shelf[1::2]
    }
    assert {one["id"] for one in answer["data"]} == wanted
    assert answer["meta"]["page"]["total"] == 2


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("value", [",", "S-1,", "S-1,,S-2", ",".join(["S-1"] * 101)])
def test_more_than_a_hundred_or_none_between_two_commas_is_refused(client, path, value):
    answer = client.get(f"{API}/{path}", {"filter[sku][in]": value})
    (error,) = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "invalid_parameter")
    assert error["source"] == {"parameter": "filter[sku][in]"}


def test_a_hundred_are_not_too_many(client):
    products = ProductFactory.create_batch(100)
    skus = ",".join(product.sku for product in products)
    answer = client.get(f"{API}/products", {"filter[sku][in]": skus, "page[size]": 100}).json()
    assert len(answer["data"]) == 100
