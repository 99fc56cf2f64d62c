"""Atomic documents: their structure, their targets, what their errors point to."""

from __future__ import annotations

import json
from typing import Any

import pytest

from products.models import Category, Product
from tests.common.api.atomic import (
    ATOMIC,
    OPERATIONS,
    add,
    carry_out,
    refusal,
    remove,
    results,
    update,
)
from tests.common.api.pointing import at
from tests.factories import CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

MUG = {"name": "Mug", "description": "Red", "price": "4.00"}
MUGS = add("categories", {"name": "Mugs"})
NOBODY = "01900000-0000-7000-8000-000000000000"
NIL = "00000000-0000-0000-0000-000000000000"

# Structure

A_PRODUCT = {"type": "products", "id": NOBODY}
LINK = {"type": "categories", "lid": "mugs"}
MALFORMED: dict[str, tuple[Any, str | None]] = {
    "no object": (7, ""),
    "null": (None, ""),
    "no op": ({"data": {}}, ""),
    "op null": ({"op": None}, "/op"),
    "op a list": ({"op": ["add"]}, "/op"),
    "unknown op": ({"op": "replace"}, "/op"),
    "two targets": ({"op": "remove", "ref": A_PRODUCT, "href": "/products"}, "/href"),
    "href a number": ({"op": "remove", "href": 1}, "/href"),
    "href elsewhere": ({"op": "remove", "href": "https://example.com/api/v1/products"}, "/href"),
    "href no address": ({"op": "remove", "href": "http://[x"}, "/href"),
    "href with a query": ({"op": "add", "href": "/products?include=category"}, "/href"),
    "ref a list": ({"op": "remove", "ref": []}, "/ref"),
    "ref null": ({"op": "remove", "ref": None}, "/ref"),
    "ref without type": ({"op": "remove", "ref": {"id": NOBODY}}, "/ref"),
    "ref without id": ({"op": "remove", "ref": {"type": "products"}}, "/ref"),
    "ref with both": ({"op": "remove", "ref": A_PRODUCT | {"lid": "x"}}, "/ref"),
    "id a number": ({"op": "remove", "ref": {"type": "products", "id": 1}}, "/ref/id"),
    "relationship null": ({"op": "update", "ref": A_PRODUCT | {"relationship": None}}, None),
    "add with ref": ({"op": "add", "ref": A_PRODUCT, "data": A_PRODUCT}, "/ref"),
    "remove of nothing": ({"op": "remove", "data": A_PRODUCT}, ""),
    "no data": ({"op": "add"}, ""),
    "data null": ({"op": "add", "data": None}, "/data"),
    "data a list": ({"op": "update", "data": [A_PRODUCT]}, "/data"),
    "no type": ({"op": "add", "data": {"attributes": MUG}}, "/data"),
    "type a number": ({"op": "add", "data": {"type": 7}}, "/data/type"),
    "update of nobody": ({"op": "update", "data": {"type": "products"}}, "/data"),
    "lid a number": ({"op": "add", "data": {"type": "products", "lid": 7}}, "/data/lid"),
    "unknown lid": ({"op": "remove", "ref": LINK}, "/ref/lid"),
    "unknown linked lid": (
        add("products", MUG, category=LINK),
        "/data/relationships/category/data/lid",
    ),
    "unknown lid under an odd name": (
        {"op": "add", "data": {"type": "x", "relationships": {"a/b~": {"data": LINK}}}},
        "/data/relationships/a~1b~0/data/lid",
    ),
    "lid of no type": (
        add("products", MUG, category={"type": [], "lid": "x"}),
        "/data/relationships/category/data",
    ),
    "linked lid a number": (
        add("products", MUG, category=LINK | {"lid": 7}),
        "/data/relationships/category/data/lid",
    ),
    "own lid": (
        add("categories", {"name": "Mugs"}, lid="mugs", parent=LINK),
        "/data/relationships/parent/data/lid",
    ),
    "attributes a list": ({"op": "add", "data": {"type": "products", "attributes": []}}, None),
    "relationship a text": (
        {"op": "add", "data": {"type": "products", "relationships": {"category": "x"}}},
        "/data/relationships/category",
    ),
    "action without type": (
        {"op": "add", "href": f"/reservations/{NOBODY}/extend", "data": {"attributes": {}}},
        "/data",
    ),
    "linkage without type": (
        {"op": "update", "ref": A_PRODUCT | {"relationship": "category"}, "data": {"id": "x"}},
        "/data",
    ),
    "linkage missing": ({"op": "update", "ref": A_PRODUCT | {"relationship": "category"}}, ""),
}


@pytest.mark.parametrize("what", MALFORMED)
def test_a_malformed_operation_is_named_and_nothing_is_done(client, what):
    operation, place = MALFORMED[what]
    answer = carry_out(client, MUGS, operation)
    status, code, pointer = refusal(answer)
    assert (status, code) == (400, "malformed")
    assert pointer.startswith("/atomic:operations/1")
    assert place is None or pointer == f"/atomic:operations/1{place}"
    at({"atomic:operations": [MUGS, operation]}, pointer)  # it exists
    assert not Category.objects.exists()


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ([], ""),
        ({}, ""),
        ({"data": None}, "/data"),
        ({"atomic:operations": [MUGS], "data": None}, "/data"),
        ({"atomic:operations": [MUGS], "included": []}, "/included"),
        ({"atomic:operations": []}, "/atomic:operations"),
        ({"atomic:operations": {}}, "/atomic:operations"),
        ({"atomic:operations": None}, "/atomic:operations"),
        ({"atomic:operations": [MUGS] * 1_001}, "/atomic:operations/1000"),
    ],
)
def test_a_document_of_another_structure_is_malformed(client, body, pointer):
    answer = client.post(OPERATIONS, json.dumps(body), ATOMIC)
    assert refusal(answer) == (400, "malformed", pointer)
    assert not Category.objects.exists()


def test_a_document_has_so_many_lines(client, monkeypatch):
    monkeypatch.setattr("common.api.atomic.mentions.MAX_LINES", 5)
    held = add("reservations", {"order_reference": "1", "lines": [{"sku": "x", "quantity": 1}] * 3})
    answer = carry_out(client, held, held)
    assert refusal(answer) == (400, "malformed", "/atomic:operations/1/data/attributes/lines")
    assert carry_out(client, held).json()["errors"][0]["code"] != "malformed"


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b'{"atomic:operations": NaN}', b"[" * 10**5])
def test_what_is_no_json_is_malformed(client, body):
    answer = client.post(OPERATIONS, body, ATOMIC)
    assert (answer.status_code, answer["Content-Type"]) == (400, ATOMIC)


def test_members_that_the_standard_does_not_know_are_ignored(client):
    body = {"atomic:operations": [MUGS | {"meta": {"why": 1}}], "meta": {}, "jsonapi": {}, "x": 1}
    assert len(results(client.post(OPERATIONS, json.dumps(body), ATOMIC))) == 1


# Targets


@pytest.mark.parametrize(
    "operation",
    [
        add("shoes", {}),
        add("../products", MUG),
        add("", {}),
        add("products\x00", MUG),
        {"op": "remove", "ref": {"type": "products", "id": "7"}},
        {"op": "remove", "ref": {"type": "products", "id": NOBODY, "relationship": "shoes"}},
        {"op": "remove", "href": "/shoes/7"},
        {"op": "remove", "href": ""},
        {"op": "add", "href": "/../../admin/", "data": {}},
        {"op": "add", "href": "/health", "data": {}},
        {"op": "add", "href": OPERATIONS, "data": {}},
        {"op": "add", "href": "/%00%ff", "data": {}},
        update("products", "\U0001f9c1", {}),
        update("products", NOBODY, {"name": "Cup"}),
        remove("products", NOBODY),
    ],
)
def test_where_nothing_is_nothing_is_found(client, operation):
    answer = carry_out(client, MUGS, operation)
    status, code, pointer = refusal(answer)
    assert (status, code) == (404, "not_found")
    at({"atomic:operations": [MUGS, operation]}, pointer)
    assert not Category.objects.exists()


@pytest.mark.parametrize("op", ["update", "remove"])
@pytest.mark.parametrize("data", [["x"], "x", 7, {"type": "products", "id": {}}])
def test_an_address_leads_nowhere_whatever_the_data_says(client, op, data):
    """The nil UUID is no local id where the client wrote it."""
    answer = carry_out(client, MUGS, {"op": op, "href": f"/products/{NIL}", "data": data})
    assert answer.status_code in {400, 404}
    assert refusal(answer)[2].startswith("/atomic:operations/1")
    assert not Category.objects.exists()


def test_the_data_does_not_say_where_an_address_leads(client):
    product = ProductFactory(name="Mug")
    change = update("products", product.pk, {"name": "Cup"}) | {"href": f"/products/{NIL}"}
    assert refusal(carry_out(client, change))[0] == 404
    product.refresh_from_db()
    assert product.name == "Mug"


@pytest.mark.parametrize(
    "operation",
    [
        add("stock-movements", {}),
        add("events", {}),
        remove("stock-levels", NOBODY),
        remove("inventory", NOBODY),
        update("transfers", NOBODY, {}),
        {"op": "add", "href": f"/products/{NOBODY}", "data": {"type": "products"}},
        {"op": "remove", "href": "/products"},
        {"op": "remove", "href": f"/products/{NOBODY}/inventory"},
    ],
)
def test_what_cannot_be_done_with_a_type_is_refused(client, operation):
    assert refusal(carry_out(client, MUGS, operation)) == (403, "read_only", "/atomic:operations/1")


@pytest.mark.parametrize(("op", "data"), [("add", []), ("update", None), ("remove", [])])
def test_a_relationship_that_cannot_be_written_is_refused(client, op, data):
    ref = {"type": "products", "id": str(ProductFactory().pk), "relationship": "inventory"}
    answer = carry_out(client, MUGS, {"op": op, "ref": ref, "data": data})
    assert refusal(answer) == (403, "read_only", "/atomic:operations/1")
    assert not Category.objects.exists()


@pytest.mark.parametrize("start", ["", "/api/v1", "http://testserver/api/v1"])
def test_a_link_is_followed_however_it_is_written(client, start):
    product = ProductFactory()
    href = {"href": f"{start}/products/{product.pk}"}
    changed = update("products", product.pk, {"name": "Cup"})
    renamed, gone = results(carry_out(client, changed | href, {"op": "remove"} | href))
    assert renamed["data"]["attributes"]["name"] == "Cup"
    assert gone == {}
    assert not Product.objects.living().exists()


# Answers


def test_results_come_in_the_order_of_the_operations(client):
    old = CategoryFactory()
    found = results(carry_out(client, MUGS, remove("categories", old.pk), add("products", MUG)))
    assert [one.get("data", {}).get("type") for one in found] == ["categories", None, "products"]


def test_where_no_operation_has_a_result_there_is_no_document(client):
    one, two = CategoryFactory(), CategoryFactory()
    answer = carry_out(client, remove("categories", one.pk), remove("categories", two.pk))
    assert (answer.status_code, answer.content) == (204, b"")
    assert "Content-Type" not in answer
    assert not Category.objects.exists()


def test_every_problem_of_an_operation_is_told(client):
    answer = carry_out(client, MUGS, add("products", {"colour": "red", "price": "-1"}))
    found = {error["source"]["pointer"]: error["code"] for error in answer.json()["errors"]}
    start = "/atomic:operations/1/data/attributes"
    assert answer.status_code == 422
    assert found[f"{start}/colour"] == "unknown_attribute"
    assert found[f"{start}/price"] == "min_value"
    assert found[start] == "required"


@pytest.mark.parametrize(
    ("operation", "status", "code", "place"),
    [
        (add("products", MUG | {"sku": "TAKEN"}), 409, "duplicate", "/data/attributes/sku"),
        (
            {"op": "add", "data": {"type": "products", "id": NOBODY, "attributes": MUG}},
            403,
            "client_id_not_supported",
            "/data/id",
        ),
        (
            update("products", NOBODY, {}) | {"ref": {"type": "categories", "id": "?"}},
            409,
            "type_conflict",
            "/data/type",
        ),
    ],
)
def test_an_operation_is_refused_as_the_request_alone_would_be(
    client, operation, status, code, place
):
    category = CategoryFactory()
    ProductFactory(sku="TAKEN")
    if "ref" in operation:
        operation["ref"]["id"] = str(category.pk)
    answer = carry_out(client, operation)
    assert refusal(answer) == (status, code, f"/atomic:operations/0{place}")


def test_conditions_in_headers_are_not_those_of_an_operation(client):
    product = ProductFactory()
    change = update("products", product.pk, {"name": "Cup"})
    assert carry_out(client, change, **{"If-Match": '"999"'}).status_code == 200
