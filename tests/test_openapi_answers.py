"""Answers of every kind against the OpenAPI document."""

from __future__ import annotations

from datetime import date
from uuid import uuid4

import pytest
from django.db import OperationalError
from jsonschema import ValidationError

from common.webhooks.models import WebhookDelivery
from common.webhooks.operations import create_endpoint, send_test
from inventory.models import StockMovement
from inventory.operations import Wanted, create_batch, reserve
from tests.api_client import JSON, JSON_API
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory
from tests.openapi import assert_matches_schema, operations, validator

API = "/api/v1"
SOME_ID = str(uuid4())


@pytest.fixture
def product(db):
    return ProductFactory(category=CategoryFactory(parent=CategoryFactory()))


@pytest.fixture
def level(product):
    return StockLevelFactory(product=product, on_hand=10)


@pytest.fixture
def promised(level):
    """From the shelf, and from a batch that is on its way."""
    sku = level.product.sku
    create_batch(reference="PO", quantity=5, sku=sku, eta=date(2099, 12, 1))
    reserve(order_reference="1", lines=[Wanted(12, sku=sku)], allow_incoming=True)


@pytest.fixture
def told(db):
    """An endpoint, and a delivery to it that failed once."""
    endpoint = create_endpoint(url="https://example.com/", created_by="ada")
    delivery = send_test(endpoint_id=endpoint.pk)
    delivery.attempts = [
        {"at": "2026-11-22T12:00:00Z", "status_code": None, "error": "time-out", "duration_ms": 15}
    ]
    delivery.save()


@pytest.mark.usefixtures("promised", "told")
def test_collections_match(client):
    for path, name in {
        "products": "listProducts",
        "products?page[size]=1&include=inventory,category.parent": "listProducts",
        "products?fields[products]=name": "listProducts",
        "products?page[after]=": "listProducts",
        "categories?include=parent": "listCategories",
        "inventory?include=product,stock_levels.location": "listInventory",
        "locations": "listLocations",
        "stock-levels?include=product,location": "listStockLevels",
        "stock-movements?include=stock_level": "listStockMovements",
        "transfers": "listTransfers",
        "batches?include=product,location": "listBatches",
        "reservations": "listReservations",
        "webhook-endpoints": "listWebhookEndpoints",
        "webhook-deliveries": "listWebhookDeliveries",
    }.items():
        response = client.get(f"{API}/{path}")
        assert response.status_code == 200
        assert_matches_schema(response, name)


def test_single_resources_match_and_so_does_not_modified(client, product, level):
    for path, name in {
        f"products/{product.pk}": "getProduct",
        f"products/{product.pk}/": "getProduct",
        f"products/{product.pk}?include=inventory,category": "getProduct",
        f"inventory/{product.pk}": "getInventory",
        f"stock-levels/{level.pk}": "getStockLevel",
        f"stock-movements/{StockMovement.objects.get().pk}": "getStockMovement",
        f"categories/{product.category.pk}": "getCategory",
        f"locations/{level.location.pk}": "getLocation",
    }.items():
        response = client.get(f"{API}/{path}")
        assert response.status_code == 200
        assert_matches_schema(response, name)
        again = client.get(f"{API}/{path}", headers={"If-None-Match": response["ETag"]})
        assert again.status_code == 304
        assert_matches_schema(again, name)


@pytest.mark.usefixtures("told")
def test_webhooks_match(client):
    delivery = WebhookDelivery.objects.get()
    here = f"webhook-deliveries/{delivery.pk}"
    for path, name in {
        f"webhook-endpoints/{delivery.endpoint_id}": "getWebhookEndpoint",
        here: "getWebhookDelivery",
        f"{here}/endpoint": "getWebhookDeliveryEndpoint",
        f"{here}/relationships/endpoint": "getWebhookDeliveryEndpointRelationship",
    }.items():
        response = client.get(f"{API}/{path}")
        assert response.status_code == 200
        assert_matches_schema(response, name)
    gone = client.delete(f"{API}/webhook-endpoints/{delivery.endpoint_id}")
    assert gone.status_code == 204
    assert_matches_schema(gone, "deleteWebhookEndpoint")


def test_answers_under_the_plain_label_match(client, product):
    response = client.get(f"{API}/products/{product.pk}", headers={"Accept": JSON})
    assert response["Content-Type"] == JSON
    assert_matches_schema(response, "getProduct")


def test_related_resources_and_linkage_match(client, product, level):
    never_stocked = ProductFactory()
    one, other = f"{API}/products/{product.pk}", f"{API}/products/{never_stocked.pk}"
    for path, name in {
        f"{one}/category": "getProductCategory",
        f"{one}/inventory": "getProductInventory",
        f"{other}/category": "getProductCategory",
        f"{other}/inventory": "getProductInventory",
        f"{one}/relationships/inventory": "getProductInventoryRelationship",
        f"{other}/relationships/inventory": "getProductInventoryRelationship",
        f"{API}/inventory/{product.pk}/stock_levels": "getInventoryStockLevels",
        f"{API}/inventory/{product.pk}/relationships/stock_levels": (
            "getInventoryStockLevelsRelationship"
        ),
    }.items():
        response = client.get(path)
        assert response.status_code == 200
        assert_matches_schema(response, name)


def test_changes_match(client, product, level):
    reference = {"data": {"type": "categories", "id": str(CategoryFactory().pk)}}
    wish = {"quantity_delta": -1}
    for response, name in (
        (client.patch(f"{API}/inventory/{product.pk}", wish, JSON), "adjustInventory"),
        (
            client.patch(f"{API}/products/{product.pk}/relationships/category", reference),
            "updateProductCategoryRelationship",
        ),
    ):
        assert response.status_code == 200
        assert_matches_schema(response, name)
    gone = client.delete(f"{API}/products/{product.pk}")
    assert gone.status_code == 204
    assert_matches_schema(gone, "deleteProduct")


def test_a_replayed_answer_matches(client, product, level):
    for replayed in (None, "true"):
        response = client.patch(
            f"{API}/inventory/{product.pk}",
            {"quantity_delta": -1},
            JSON,
            headers={"Idempotency-Key": "once"},
        )
        assert response.headers.get("Idempotent-Replayed") == replayed
        assert_matches_schema(response, "adjustInventory")


def test_the_probes_match(client):
    for path, name in {"/health": "checkHealth", "/ready/": "checkReadiness"}.items():
        assert_matches_schema(client.get(path), name)


def test_what_the_examples_say_is_done_and_answered_as_documented(client):
    """In this order, each stands on what those before it have made."""
    made: dict[str, str] = {}
    for name, owner in {
        "createCategory": None,
        "updateCategory": "createCategory",
        "createLocation": None,
        "updateLocation": "createLocation",
        "createProduct": None,
        "updateProduct": "createProduct",
        "createInventory": None,
        "adjustInventory": "createInventory",
        "createTransfer": None,
        "reverseTransfer": "createTransfer",
        "createBatch": None,
        "updateBatch": "createBatch",
        "receiveBatch": "createBatch",
        "createReservation": None,
        "extendReservation": "createReservation",
        "confirmReservation": "createReservation",
        "shipReservation": "createReservation",
        "releaseReservation": "createReservation",
        "createWebhookEndpoint": None,
        "updateWebhookEndpoint": "createWebhookEndpoint",
        "rotateWebhookEndpointSecret": "createWebhookEndpoint",
        "testWebhookEndpoint": "createWebhookEndpoint",
        "retryWebhookDelivery": "testWebhookEndpoint",
    }.items():
        response = send_example(client, name, made.get(owner or ""), JSON)
        assert response.status_code in {200, 201, 202}, response.content
        assert_matches_schema(response, name)
        made[name] = response.json()["data"]["id"]
    asked = {"lines": [{"sku": "LAPTOP-13", "quantity": 1}], "order_reference": "AGAIN"}
    for status in (201, 200):
        response = client.post(f"{API}/reservations", asked, JSON)
        assert response.status_code == status
        assert_matches_schema(response, "createReservation")
    assert_matches_schema(send_example(client, "getAvailability", None, JSON), "getAvailability")
    endpoint = made["createWebhookEndpoint"]
    assert_matches_schema(send_example(client, "replayEvents", endpoint, JSON), "replayEvents")
    movement = StockMovement.objects.filter(transfer=None).latest("pk")
    level = movement.stock_level
    for name, row in {"updateStockLevel": level, "reverseStockMovement": movement}.items():
        response = send_example(client, name, str(row.pk), JSON_API)
        assert_matches_schema(response, name)
        assert response.status_code in {200, 201}


def send_example(client, operation_id: str, row: str | None, media_type: str):
    path, method, described = operations()[operation_id]
    body = described["requestBody"]["content"][media_type]["example"]
    if row and "id" in body.get("data", {}):
        body = {"data": body["data"] | {"id": row}}
    return getattr(client, method)(path.replace("{id}", row or ""), body, media_type)


# Refusals


def test_refusals_match(client, read_only_client, api_client, product, level):
    here, inventory = f"{API}/products/{product.pk}", f"{API}/inventory/{product.pk}"
    stale, big = {"If-Match": '"99"'}, b" " * 2**20 + b"{}"
    limited = api_client("products:read", quota=1)
    limited.get(here)
    refusals = [
        (400, client.get(here, {"colour": "red"}), "getProduct"),
        (400, client.post(f"{API}/products", b"{", JSON), "createProduct"),
        (401, client.get(here, headers={"X-API-Key": "sk_test_nobody"}), "getProduct"),
        (403, read_only_client.delete(here), "deleteProduct"),
        (403, client.post(f"{here}/relationships/inventory", {"data": None}), None),
        (404, client.get(f"{API}/products/{SOME_ID}"), "getProduct"),
        (406, client.get(here, headers={"Accept": "image/png"}), "getProduct"),
        (409, client.patch(here, {"data": {"type": "shoes", "id": "1"}}), "updateProduct"),
        (412, client.patch(here, {"name": "New"}, JSON, headers=stale), "updateProduct"),
        (413, client.post(f"{API}/products", big, JSON), "createProduct"),
        (415, client.post(f"{API}/products", b"<a/>", "text/xml"), "createProduct"),
        (422, client.post(f"{API}/products", {"colour": 1}, JSON), "createProduct"),
        (422, client.patch(inventory, {"quantity_delta": -99}, JSON), "adjustInventory"),
        (428, client.patch(inventory, {"quantity": 3}, JSON), "adjustInventory"),
        (429, limited.get(here), "getProduct"),
    ]
    for status, response, name in refusals:
        assert response.status_code == status, response.content
        assert_matches_schema(response, name or "addToProductInventoryRelationship")


@pytest.mark.django_db
def test_a_database_that_is_away_matches(client, monkeypatch):
    def is_away(*args, **kwargs):
        raise OperationalError

    monkeypatch.setattr("products.models.Product.objects.living", is_away)
    response = client.get(f"{API}/products")
    assert response.status_code == 503
    assert_matches_schema(response, "listProducts")


# The checks above can fail


def test_an_answer_that_is_not_as_promised_is_noticed(client, product):
    response = client.get(f"{API}/products/{product.pk}")
    good = response.json()
    promised = operations()["getProduct"].described["responses"]["200"]
    check = validator(promised["content"][JSON_API]["schema"], is_whole=True)
    check.validate(good)
    for spoil in (
        lambda data: data["attributes"].update(colour="red"),
        lambda data: data["attributes"].pop("sku"),
        lambda data: data["attributes"].update(price=12.5),
        lambda data: data["relationships"].pop("category"),
        lambda data: data.update(id=1),
        lambda data: data.pop("links"),
    ):
        bad = response.json()
        spoil(bad["data"])
        with pytest.raises(ValidationError):
            check.validate(bad)


def test_an_answer_of_another_operation_is_noticed(client, product):
    response = client.get(f"{API}/products/{product.pk}")
    for other in ("listProducts", "updateProduct", "getCategory"):
        with pytest.raises(AssertionError):
            assert_matches_schema(response, other)


def test_a_missing_header_is_noticed(client, product):
    response = client.get(f"{API}/products/{product.pk}")
    del response["ETag"]
    with pytest.raises(AssertionError, match="ETag"):
        assert_matches_schema(response, "getProduct")
