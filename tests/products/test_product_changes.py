"""Changing and deleting products over HTTP (API.md §1, §6)."""

from __future__ import annotations

import pytest

from common.events.models import Event as Fact
from products.models import Product
from tests.api_client import JSON, JSON_API
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory
from tests.products.talking import MUG, PRODUCTS, create, document, listed, shown

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits_at_once")]


def test_what_is_not_sent_is_not_changed(client):
    product = ProductFactory(barcode="96385074", images=["https://example.com/a.jpg"])
    before = shown(client.get(f"{PRODUCTS}/{product.pk}"))
    answer = client.patch(f"{PRODUCTS}/{product.pk}", document({"name": "Cup"}, product))
    after = shown(answer)
    assert {name for name in after if after[name] != before[name]} == {
        "name",
        "version",
        "updated_at",
    }
    assert shown(client.get(f"{PRODUCTS}/{product.pk}")) == after


@pytest.mark.parametrize("body", [{}, {"attributes": {}}, {"relationships": {}}])
def test_a_document_that_says_nothing_changes_nothing(client, body):
    product = ProductFactory()
    answer = client.patch(
        f"{PRODUCTS}/{product.pk}", {"data": {"type": "products", "id": str(product.pk), **body}}
    )
    assert shown(answer)["version"] == 1
    assert not Fact.objects.exists()


@pytest.mark.parametrize("form", ["document", "plain"])
@pytest.mark.parametrize("query", ["", "?include=category,inventory"])
def test_a_product_that_was_fetched_can_be_sent_back(client, form, query):
    level = StockLevelFactory(product=ProductFactory(category=CategoryFactory()), on_hand=3)
    path = f"{PRODUCTS}/{level.product_id}"
    fetched = client.get(path + query).json()
    if form == "plain":
        answer = client.patch(path, fetched["data"]["attributes"], JSON)
    else:
        answer = client.patch(path, fetched)
    assert shown(answer) == fetched["data"]["attributes"]
    assert not Fact.objects.filter(subject_type="products").exists()
    fetched["data"]["attributes"]["name"] = "Cup"
    assert shown(client.patch(path, fetched))["name"] == "Cup"


def test_attributes_that_the_server_keeps_are_ignored(client):
    kept = {
        "created_at": "2000-01-01T00:00:00Z",
        "updated_at": 5,
        "version": 99,
        "inventory": "whatever",
    }
    attributes = shown(create(client, **kept))
    assert attributes["version"] == 1
    assert attributes["created_at"] > "2026"


def test_undefined_members_and_at_members_are_ignored(client):
    body = document(MUG | {"@type": "x"}, **{"@id": "y", "unknown": 1, "meta": {}, "links": {}})
    body |= {"unknown": [], "meta": {}, "included": [], "jsonapi": {"ext": ["x"]}, "@context": 1}
    assert client.post(PRODUCTS, body).status_code == 201


def test_a_new_product_may_have_a_local_id(client):
    assert client.post(PRODUCTS, document(MUG, lid="local-1")).status_code == 201


def test_a_deleted_product_is_gone_for_clients_and_kept_for_staff(client):
    product = ProductFactory()
    path = f"{PRODUCTS}/{product.pk}"
    assert client.get(path).status_code == 200
    answer = client.delete(path)
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer
    for tail in ("", "/category", "/inventory", "/relationships/category"):
        assert client.get(path + tail).status_code == 404
    assert client.patch(path, {"name": "Cup"}, JSON).status_code == 404
    assert client.delete(path).status_code == 404
    assert listed(client, "") == []
    assert Product.objects.get().deleted_at is not None


def test_a_deletion_may_carry_a_body(client):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    answer = client.generic("DELETE", path, b'{"data": null}', JSON_API)
    assert (answer.status_code, answer.content) == (204, b"")


def test_every_change_over_http_is_told_once_with_its_request(client):
    headers = {"X-Request-ID": "request-1"}
    made = client.post(PRODUCTS, MUG, JSON, headers=headers)
    path = made["Location"]
    client.patch(path, {"name": "Cup"}, JSON, headers={"X-Request-ID": "request-2"})
    client.patch(path, {"name": "Cup"}, JSON, headers={"X-Request-ID": "request-2b"})
    client.patch(path, {"name": ""}, JSON, headers={"X-Request-ID": "request-2c"})
    client.delete(path, headers={"X-Request-ID": "request-3"})
    told = Fact.objects.order_by("pk").values_list("type", "request_id", "actor")
    assert list(told) == [
        ("product.created", "request-1", "tester"),
        ("product.updated", "request-2", "tester"),
        ("product.deleted", "request-3", "tester"),
    ]
