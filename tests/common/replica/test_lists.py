"""What is read from a replica, and what never is."""

from __future__ import annotations

from functools import partial

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from common.api.views import ResourceView
from common.replica import reading
from common.replica.routing import REPLICA, Router, is_configured, reads_may_lag
from products.models import Product
from tests.factories import StockLevelFactory

pytestmark = [
    pytest.mark.django_db(transaction=True, databases="__all__"),
    pytest.mark.usefixtures("in_use"),
]

LISTS = [
    "products",
    "products?page[size]=1",
    "products?page[after]=&page[size]=1",
    "products?filter[search]=mug&include=inventory,category.parent",
    "categories?include=parent",
    "inventory?include=product,stock_levels.location&page[size]=1",
    "inventory?filter[location]=main",
    "stock-levels?include=product,location&filter[low]=false",
    "stock-movements?include=product,location,stock_level",
    "locations",
    "transfers?include=movements",
    "batches?filter[location]=main",
    "reservations",
    "webhook-endpoints",
    "webhook-deliveries",
]


@pytest.fixture
def client(client):
    """Known to the process, and with its past covered in Redis."""
    for number in range(3):
        StockLevelFactory(product__name=f"Mug {number}", on_hand=5)
    for _ in range(2):
        assert client.get("/api/v1/products").status_code == 200
    return client


@pytest.fixture
def asked(replica):
    """Queries by the database that they went to."""

    def of(act):
        with CaptureQueriesContext(connection) as primary, CaptureQueriesContext(replica) as there:
            answer = act()
        assert answer.status_code == 200, answer.content
        return len(primary), len(there)

    return of


def test_all_queries_of_a_list_go_to_the_replica(client, asked):
    for path in LISTS:
        of_primary, of_replica = asked(partial(client.get, f"/api/v1/{path}"))
        assert of_primary == 0, path
        assert of_replica >= 2, path  # has it come so far, and the rows


@pytest.mark.parametrize("path", ["products/{}?include=inventory", "inventory/{}", "events"])
def test_single_resources_and_the_feed_are_read_from_the_primary(client, asked, path):
    product = Product.objects.first()
    of_primary, of_replica = asked(lambda: client.get(f"/api/v1/{path.format(product.pk)}"))
    assert of_primary > 0
    assert of_replica == 0


def test_nothing_of_a_transaction_is_read_from_the_replica(client, asked):
    with transaction.atomic():
        of_primary, of_replica = asked(lambda: client.get("/api/v1/products"))
        with reads_may_lag():
            assert Product.objects.all().db == "default"
    assert of_primary > 0
    assert of_replica == 0


def test_rows_of_the_replica_are_written_to_the_primary():
    with reads_may_lag():
        product = Product.objects.first() or StockLevelFactory().product
        assert Product.objects.all().db == REPLICA
    product._state.db = REPLICA
    assert Router().db_for_write(Product, instance=product) == "default"
    assert Router().db_for_read(Product, instance=product) == "default"
    assert Router().allow_migrate(REPLICA, "products") is False


@pytest.mark.parametrize(
    "refusal",
    [
        "SELECT %s, %s, 1/0",
        "SELECT %s, %s, column_that_has_not_arrived",
        "SELECT %s < 0, %s",
        "SELECT pg_terminate_backend(pg_backend_pid()), %s, %s",
    ],
)
def test_what_the_replica_refuses_the_primary_answers(client, asked, monkeypatch, refusal):
    monkeypatch.setattr(reading, "HAS_COME", refusal)
    of_primary, _ = asked(lambda: client.get("/api/v1/products"))
    assert of_primary > 0


def test_a_refusal_in_the_middle_of_a_list_is_nothing_either(client, asked, monkeypatch):
    """As when the replica has to clean up a row that is being read."""
    tries = []
    whole = ResourceView.collection

    def torn(view, request):
        answer = whole(view, request)
        tries.append(Product.objects.all().db)
        if tries == [REPLICA]:
            connections[REPLICA].cursor().execute("SELECT 1/0")
        return answer

    monkeypatch.setattr(ResourceView, "collection", torn)
    of_primary, of_replica = asked(lambda: client.get("/api/v1/products"))
    assert tries == [REPLICA, "default"]
    assert of_primary > 0
    assert of_replica > 0


def test_without_a_replica_nothing_is_asked_of_anybody(client, asked, monkeypatch):
    monkeypatch.delitem(connections.settings, REPLICA)
    assert not is_configured()
    monkeypatch.setattr(reading, "standing", lambda: pytest.fail("looked at the replica"))
    of_primary, of_replica = asked(lambda: client.get("/api/v1/products"))
    assert of_primary > 0
    assert of_replica == 0
