"""How many queries the lists of the API take: the same for a page of one row as for a full one."""

from __future__ import annotations

from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from catalogue.rebuilding import rebuild
from common.observability.context import acting_as
from common.webhooks.operations import create_endpoint, send_test
from inventory.operations import Wanted, create_batch, reserve, transfer_stock
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

ROWS = 6
NUMBERED = 3  # the rows, the planner's estimate of their number, their count
BY_CURSOR = 1
QUERIES = {
    "batches": NUMBERED,
    "batches?include=product,location": NUMBERED,
    "catalogue": NUMBERED + 3,  # how far it has come, names of categories and of locations
    "categories": NUMBERED,
    "categories?include=parent": NUMBERED,
    "inventory": NUMBERED + 1,  # the stock levels that it sums up
    "inventory?include=product,stock_levels.location": NUMBERED + 2,
    "locations": NUMBERED,
    "products": NUMBERED,
    "products?include=category.parent": NUMBERED,
    "products?include=inventory,category": NUMBERED + 1,
    "reservations": NUMBERED + 2,  # their lines, what supplies those
    "stock-levels": NUMBERED,
    "stock-levels?include=product,location": NUMBERED,
    "stock-movements": BY_CURSOR,
    "stock-movements?include=product,location,stock_level": BY_CURSOR,
    "transfers": BY_CURSOR + 1,  # their movements
    "transfers?include=product,from_location,to_location,movements": BY_CURSOR + 1,
    "webhook-deliveries": BY_CURSOR,
    "webhook-endpoints": NUMBERED,
}
"""Of a page that has others behind it."""


@pytest.fixture
def filled(db):
    """More of everything than a page of one row, each row with everything that can be included."""
    shop = LocationFactory(code="shop")
    for _ in range(ROWS):
        product = ProductFactory(category=CategoryFactory(parent=CategoryFactory()))
        StockLevelFactory(product=product, location=LocationFactory(), on_hand=2)
        level = StockLevelFactory(product=product, on_hand=2)
        with acting_as("a test"):
            transfer_stock(
                product_id=product.pk,
                from_location=level.location.code,
                to_location=shop.code,
                quantity=1,
            )
            eta = date(2026, 12, product.pk.int % 28 + 1)
            create_batch(reference=product.sku, quantity=2, sku=product.sku, eta=eta)
            wanted = [Wanted(3, sku=product.sku), Wanted(1, sku=ProductFactory().sku)]
            create_batch(reference=wanted[1].sku, quantity=1, sku=wanted[1].sku)
            reserve(order_reference=product.sku, lines=wanted, allow_incoming=True)
            endpoint = create_endpoint(url="https://example.com/", created_by="a test")
            send_test(endpoint_id=endpoint.pk)
    rebuild(lambda _: None)


def queries_of(client, path, size):
    address = f"/api/v1/{path}{'&' if '?' in path else '?'}page[size]={size}"
    client.get(address)  # from here on the key is known
    with CaptureQueriesContext(connection) as sent:
        document = client.get(address).json()
    assert len(document["data"]) == size
    assert "next" in document["links"]
    return len(sent)


@pytest.mark.usefixtures("filled")
@pytest.mark.slow
def test_a_page_takes_as_many_queries_for_one_row_as_for_many(client):
    for size in (1, ROWS - 1):
        assert {path: queries_of(client, path, size) for path in QUERIES} == QUERIES
