"""The OpenAPI document: valid, complete, and true of the answers that really go out."""

from __future__ import annotations

import os
import re
from typing import Any
from uuid import uuid4

import pytest
import yaml
from django.core.management import call_command
from django.db import OperationalError
from django.test import Client
from django.urls import URLPattern, get_resolver, reverse
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from inventory.models import StockMovement
from tests.api_client import JSON, JSON_API
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory
from tests.openapi import (
    assert_matches_schema,
    document,
    operations,
    resolved,
    validator,
)

API = "/api/v1"
PROBES = {"/health", "/ready"}
SOME_ID = str(uuid4())
NOT_PROGRAMS_BUSINESS = {"", "admin", "docs", "redoc", "schema"}
"""Addresses for people, and that of the document itself."""

# The document as a whole


def test_the_document_is_valid_openapi_3_1():
    assert document()["openapi"] == "3.1.1"
    OpenAPIV31SpecValidator(document()).validate()


def test_it_is_generated_without_a_warning():
    call_command("spectacular", validate=True, fail_on_warn=True, file=os.devnull)


def patterns(resolver=None, prefix=""):
    """Every route outside the admin, with its name in the URLconf."""
    for pattern in (resolver or get_resolver()).url_patterns:
        where = prefix + re.sub(r"\^|/\?\$", "", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield where, pattern
        elif where != "admin/":
            yield from patterns(pattern, where)


def routes():
    """Every address and method that a resource view answers."""
    for _, pattern in patterns():
        if not hasattr(pattern.callback, "actions"):
            continue
        groups = pattern.pattern.regex.groupindex
        names = pattern.callback.cls.relationships if "related_field" in groups else [None]
        for name in names:
            values = {"pk": SOME_ID, "related_field": name}
            address = reverse(pattern.name, kwargs={group: values[group] for group in groups})
            for method in pattern.callback.actions.keys() - {"head"}:
                yield address.replace(SOME_ID, "{id}"), method


def test_every_route_and_method_is_in_the_document_and_nothing_else():
    documented = {(operation.path, operation.method) for operation in operations().values()}
    assert documented == {*routes(), *((path, "get") for path in PROBES)}


def test_no_route_is_of_a_kind_that_the_document_does_not_look_at():
    plain = {where for where, pattern in patterns() if not hasattr(pattern.callback, "actions")}
    assert plain == NOT_PROGRAMS_BUSINESS | {path.removeprefix("/") for path in PROBES}


def test_operations_have_the_names_that_programs_were_generated_with():
    names = {
        "listProducts": ("/products", "get"),
        "createProduct": ("/products", "post"),
        "getProduct": ("/products/{id}", "get"),
        "updateProduct": ("/products/{id}", "patch"),
        "deleteProduct": ("/products/{id}", "delete"),
        "getProductInventory": ("/products/{id}/inventory", "get"),
        "updateProductCategoryRelationship": ("/products/{id}/relationships/category", "patch"),
        "adjustInventory": ("/inventory/{id}", "patch"),
        "listStockMovements": ("/stock-movements", "get"),
        "reverseStockMovement": ("/stock-movements/{id}/reverse", "post"),
    }
    for name, (path, method) in names.items():
        assert operations()[name][:2] == (API + path, method)


def test_both_media_types_are_documented_both_ways_and_html_is_not():
    for operation in operations().values():
        if operation.path in PROBES:
            continue
        answers = [resolved(answer) for answer in operation.described["responses"].values()]
        carriers = [operation.described.get("requestBody", {}), *answers]
        for carrier in carriers:
            assert set(carrier.get("content", {})) in ({JSON_API, JSON}, set())


def test_the_key_is_needed_everywhere_but_at_the_probes():
    assert document()["security"] == [{"ApiKeyAuth": []}]
    open_to_all = {one.path for one in operations().values() if "security" in one.described}
    assert open_to_all == PROBES


# Answers


@pytest.fixture
def product(db):
    return ProductFactory(category=CategoryFactory(parent=CategoryFactory()))


@pytest.fixture
def level(product):
    return StockLevelFactory(product=product, on_hand=10)


def test_collections_match(client, level):
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
    }.items():
        response = send_example(client, name, made.get(owner or ""), JSON)
        assert response.status_code in {200, 201}, response.content
        assert_matches_schema(response, name)
        made[name] = response.json()["data"]["id"]
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


# Requests


def test_every_body_of_a_resource_has_an_example_that_is_valid_by_its_own_schema():
    for operation in operations().values():
        if "requestBody" not in operation.described or "/relationships/" in operation.path:
            continue
        for media in operation.described["requestBody"]["content"].values():
            request_validator(media["schema"]).validate(media["example"])


def request_validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": document()["components"]} | schema)


LAPTOP = {"name": "Laptop", "description": "Thin", "price": "1"}


@pytest.mark.parametrize(
    ("operation_id", "body"),
    [
        ("createProduct", {"name": "Laptop", "description": "Thin"}),
        ("createProduct", LAPTOP | {"colour": "red"}),
        ("createProduct", LAPTOP | {"price": "0.00"}),
        ("createProduct", LAPTOP | {"price": "1.999"}),
        ("createProduct", LAPTOP | {"name": " "}),
        ("createProduct", LAPTOP | {"name": "a\x00b"}),
        ("createProduct", LAPTOP | {"name": None}),
        ("createProduct", LAPTOP | {"sku": "ä"}),
        ("createProduct", LAPTOP | {"images": ["ftp://example.com"]}),
        ("createProduct", {"data": {"type": "products", "attributes": {"name": "Laptop"}}}),
        ("createProduct", {"data": {"type": "shoes", "attributes": LAPTOP}}),
        ("createProduct", {"data": {"type": "products", "id": SOME_ID, "attributes": LAPTOP}}),
        ("createInventory", {"quantity": 1}),
        ("createInventory", {"sku": "MUG", "quantity": -1}),
        ("createInventory", {"sku": "MUG", "quantity": "1"}),
        ("createTransfer", {"sku": "MUG", "from_location": "main", "quantity": 1}),
    ],
)
def test_what_the_schema_forbids_is_refused(client, operation_id, body):
    path, _, described = operations()[operation_id]
    media = described["requestBody"]["content"][JSON]
    with pytest.raises(ValidationError):
        request_validator(media["schema"]).validate(body)
    assert client.post(path, body, JSON).status_code in {400, 403, 409, 422}


@pytest.mark.parametrize("name", [name for name in operations() if name.startswith("list")])
def test_every_documented_parameter_is_understood_and_each_of_its_values(client, name):
    path, _, described = operations()[name]
    for parameter in map(resolved, described["parameters"]):
        for value in values_of(parameter["schema"]):
            response = client.get(path, {parameter["name"]: value}, headers={"Accept": "*/*"})
            assert response.status_code == 200, (parameter["name"], value, response.content)


def values_of(schema: dict[str, Any]) -> list[str]:
    """Every value of an enumeration, or one of the type."""
    if schema["type"] == "array":
        return values_of(schema["items"])
    if "enum" in schema:
        return list(schema["enum"])
    samples = {"uuid": SOME_ID, "date-time": "2026-01-31T12:00:00Z"}
    by_type = {"integer": "1", "number": "1.5", "boolean": "true", "string": ""}
    if "pattern" in schema:
        return ["MUG"]
    return [samples.get(schema.get("format", ""), by_type[schema["type"]])]


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


# The pages


@pytest.fixture
def nobody():
    """A client without a key."""
    return Client()


@pytest.mark.parametrize("path", ["/schema", "/schema/"])
@pytest.mark.parametrize("accept", ["*/*", "text/html,*/*;q=0.8", JSON, ""])
def test_the_document_is_json_without_a_key(nobody, path, accept):
    response = nobody.get(path, headers={"Accept": accept})
    assert response["Content-Type"] == JSON
    assert response.json() == document()


@pytest.mark.parametrize(
    ("query", "accept"),
    [("", "application/yaml"), ("", "text/yaml"), ("?format=yaml", "*/*")],
)
def test_the_document_is_yaml_on_request(nobody, query, accept):
    response = nobody.get(f"/schema{query}", headers={"Accept": accept})
    assert response["Content-Type"] == "application/yaml"
    assert yaml.safe_load(response.content) == document()


@pytest.mark.parametrize("path", ["/docs", "/docs/", "/redoc", "/redoc/"])
def test_the_pages_take_everything_from_this_server(db, nobody, path):
    response = nobody.get(path)
    page = response.content.decode()
    assert response["Content-Type"].startswith("text/html")
    assert '"/schema"' in page
    assert "//" not in page.replace("<!DOCTYPE html>", "")
    allowed = response["Content-Security-Policy"]
    assert "https:" not in allowed
    assert "*" not in allowed
    for asset in re.findall(r'(?:src|href)="([^"]+)"', page):
        answer = nobody.get(asset)
        assert answer.status_code == 200, asset
        answer.close()


@pytest.mark.parametrize("path", ["/schema", "/docs/", "/redoc"])
@pytest.mark.parametrize("method", ["post", "put", "delete"])
def test_they_are_read_only_and_say_so_in_our_words(nobody, path, method):
    response = getattr(nobody, method)(path)
    assert response.status_code == 405
    assert response["Allow"] == "GET, HEAD"
    assert response.json()["errors"][0]["code"] == "method_not_allowed"
