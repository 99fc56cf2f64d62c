"""Documents that cannot be used: every problem is told, and pointed at (API.md §5)."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api_client import JSON, JSON_API
from tests.common.api.pointing import at
from tests.common.api.refusals import errors, only_error
from tests.factories import CategoryFactory, ProductFactory

PRODUCTS = "/api/v1/products"
MUG = {"name": "Mug", "description": "Red", "price": "4.00"}


def document(**members):
    return {"data": {"type": "products", **members}}


@pytest.mark.parametrize("body", [b"", b"   ", b"{", b"\xff", b'{"data": NaN}'])
@pytest.mark.parametrize("content_type", [JSON, JSON_API])
def test_a_body_that_is_no_json_is_malformed(client, content_type, body):
    error = only_error(client.generic("POST", PRODUCTS, body, content_type))
    assert (error["status"], error["code"]) == ("400", "malformed")
    assert "source" not in error


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_missing_body_is_malformed_whatever_its_type_would_be(client, method):
    path = PRODUCTS if method == "POST" else f"{PRODUCTS}/{ProductFactory().pk}"
    for content_type in (JSON_API, JSON, "text/plain", ""):
        headers = {"Content-Type": content_type} if content_type else {}
        error = only_error(client.generic(method, path, headers=headers))
        assert (error["status"], error["code"]) == ("400", "malformed")


def test_a_length_that_is_no_number_is_malformed(client):
    answer = client.generic("POST", PRODUCTS, b"{}", JSON, CONTENT_LENGTH="abc")
    assert only_error(answer)["source"] == {"header": "Content-Length"}


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        (MUG | {"price": "x"}, [("invalid", "/price")]),
        (MUG | {"price": 0}, [("min_value", "/price")]),
        (MUG | {"price": None}, [("null", "/price")]),
        (MUG | {"name": " \t"}, [("blank", "/name")]),
        (MUG | {"name": "x" * 256}, [("max_length", "/name")]),
        (MUG | {"name": 5, "price": "x"}, [("invalid", "/name"), ("invalid", "/price")]),
        (MUG | {"images": "x"}, [("not_a_list", "/images")]),
        (
            MUG | {"images": ["https://example.com/a.jpg", "ftp://x", 5]},
            [("invalid", "/images/1"), ("invalid", "/images/2")],
        ),
        (MUG | {"colour": "red"}, [("unknown_attribute", "/colour")]),
        (MUG | {"a/b~": 1}, [("unknown_attribute", "/a~1b~0")]),
        (
            MUG | {"colour": "red", "size": 1, "name": ""},
            [("unknown_attribute", "/colour"), ("unknown_attribute", "/size"), ("blank", "/name")],
        ),
        ({"price": 4}, [("required", ""), ("required", "")]),
        ({}, [("required", "")] * 3),
    ],
)
@pytest.mark.parametrize("form", ["document", "plain"])
def test_every_problem_of_the_input_is_told_and_pointed_at(client, attributes, expected, form):
    start = "/data/attributes" if form == "document" else ""
    body = document(attributes=attributes) if form == "document" else attributes
    answer = client.post(PRODUCTS, body, content_type=JSON_API if form == "document" else JSON)
    assert answer.status_code == 422
    found = errors(answer)
    assert sorted((one["code"], one["source"]["pointer"]) for one in found) == sorted(
        (code, start + pointer) for code, pointer in expected
    )
    for one in found:
        at(body, one["source"]["pointer"])


def test_what_is_required_and_missing_is_named(client):
    found = errors(client.post(PRODUCTS, document()))
    assert {one["meta"]["attribute"] for one in found} == {"name", "description", "price"}
    assert {one["source"]["pointer"] for one in found} == {"/data"}


@pytest.mark.parametrize("linked", ["unknown id", "no uuid"])
@pytest.mark.parametrize("form", ["relationship", "attribute", "plain", "plain alias"])
def test_something_related_that_does_not_exist_is_not_found_and_pointed_at(client, linked, form):
    related = str(uuid4()) if linked == "unknown id" else "bogus"
    identifier = {"data": {"type": "categories", "id": related}}
    bodies = {
        "relationship": document(attributes=MUG, relationships={"category": identifier}),
        "attribute": document(attributes=MUG | {"category_id": related}),
        "plain": MUG | {"category_id": related},
        "plain alias": MUG | {"category": related},
    }
    pointers = {
        "relationship": "/data/relationships/category",
        "attribute": "/data/attributes/category_id",
        "plain": "/category_id",
        "plain alias": "/category",
    }
    answer = client.post(PRODUCTS, bodies[form], JSON if "plain" in form else JSON_API)
    error = only_error(answer)
    assert (error["status"], error["code"]) == ("404", "not_found")
    assert error["source"]["pointer"].startswith(pointers[form])
    at(bodies[form], error["source"]["pointer"])


@pytest.mark.parametrize(
    ("body", "status", "code", "pointer"),
    [
        (document(id=str(uuid4()), attributes=MUG), 403, "client_id_not_supported", "/data/id"),
        (
            document(
                attributes=MUG,
                relationships={"inventory": {"data": {"type": "inventory", "id": str(uuid4())}}},
            ),
            403,
            "read_only",
            "/data/relationships/inventory",
        ),
        ({"data": {"type": "product", "attributes": MUG}}, 409, "type_conflict", "/data/type"),
        (
            document(
                attributes=MUG,
                relationships={"category": {"data": {"type": "products", "id": str(uuid4())}}},
            ),
            409,
            "type_conflict",
            "/data/relationships/category/data/type",
        ),
        (
            document(attributes=MUG, relationships={"category": {"data": []}}),
            400,
            "malformed",
            "/data/relationships/category/data",
        ),
        (
            document(attributes=MUG, relationships={"bogus": {"data": None}}),
            422,
            "unknown_attribute",
            "/data/relationships/bogus",
        ),
        (
            document(attributes=MUG, relationships={"name": {"data": None}}),
            400,
            "malformed",
            "/data/relationships/name",
        ),
        (
            document(attributes=MUG, relationships={"category_id": {"data": None}}),
            422,
            "unknown_attribute",
            "/data/relationships/category_id",
        ),
        (
            document(attributes=MUG, relationships={"a~/b": {"data": None}}),
            422,
            "unknown_attribute",
            "/data/relationships/a~0~1b",
        ),
        (document(attributes=MUG | {"id": "1"}), 400, "malformed", "/data/attributes/id"),
        (document(attributes=MUG | {"type": "x"}), 400, "malformed", "/data/attributes/type"),
    ],
)
def test_a_document_that_cannot_create_a_product_is_pointed_at(client, body, status, code, pointer):
    error = only_error(client.post(PRODUCTS, body))
    assert (error["status"], error["code"]) == (str(status), code)
    assert error["source"] == {"pointer": pointer}
    at(body, pointer)


def test_a_category_named_twice_is_malformed(client):
    category = str(CategoryFactory().pk)
    body = document(
        attributes=MUG | {"category_id": category},
        relationships={"category": {"data": {"type": "categories", "id": category}}},
    )
    error = only_error(client.post(PRODUCTS, body))
    assert (error["status"], error["code"]) == ("400", "malformed")
    error = only_error(
        client.post(PRODUCTS, MUG | {"category_id": category, "category": category}, JSON)
    )
    assert (error["status"], error["code"]) == ("400", "malformed")


@pytest.mark.parametrize(
    ("members", "status", "code", "pointer"),
    [
        ({"id": str(uuid4())}, 409, "id_conflict", "/data/id"),
        ({"id": ""}, 409, "id_conflict", "/data/id"),
        ({}, 400, "malformed", "/data"),
        ({"type": "categories"}, 409, "type_conflict", "/data/type"),
    ],
)
def test_an_update_of_something_else_is_a_conflict(client, members, status, code, pointer):
    product = ProductFactory()
    body = (
        document(**members)
        if "id" in members or not members
        else document(id=str(product.pk), **members)
    )
    error = only_error(client.patch(f"{PRODUCTS}/{product.pk}", body))
    assert (error["status"], error["code"]) == (str(status), code)
    assert error["source"] == {"pointer": pointer}


def test_a_taken_sku_is_a_duplicate(client):
    ProductFactory(sku="MUG")
    body = document(attributes=MUG | {"sku": "mug"})
    error = only_error(client.post(PRODUCTS, body))
    assert (error["status"], error["code"]) == ("409", "duplicate")
    assert error["source"] == {"pointer": "/data/attributes/sku"}
