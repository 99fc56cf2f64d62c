"""What products are related to, and what is included with them (API.md §6)."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest

from common.events.models import Event as Fact
from tests.api_client import JSON, JSON_API
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory
from tests.products.talking import MUG, PRODUCTS, document, refused

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits_at_once")]


def test_a_category_is_given_changed_and_taken_by_relationship(client):
    product, one, two = ProductFactory(), CategoryFactory(), CategoryFactory()
    path = f"{PRODUCTS}/{product.pk}"
    for category in (one, two, None):
        linkage = category and {"type": "categories", "id": str(category.pk)}
        body = document(product=product, relationships={"category": {"data": linkage}})
        answer = client.patch(path, body)
        assert answer.json()["data"]["relationships"]["category"]["data"] == linkage
        product.refresh_from_db()
        assert product.category == category


@pytest.mark.parametrize("name", ["category", "category_id"])
@pytest.mark.parametrize("form", ["document", "plain"])
def test_a_category_is_also_named_by_its_id(client, name, form):
    category = CategoryFactory()
    for value in (str(category.pk), None):
        attributes = MUG | {name: value}
        body = document(attributes) if form == "document" else attributes
        answer = client.post(PRODUCTS, body, JSON_API if form == "document" else JSON)
        data = answer.json()["data"]["relationships"]["category"]["data"]
        assert (data and data["id"]) == value


def test_the_linkage_of_a_category_has_an_address(client):
    product, category = ProductFactory(), CategoryFactory()
    path = f"{PRODUCTS}/{product.pk}/relationships/category"
    linkage = {"type": "categories", "id": str(category.pk)}
    links = {
        "self": f"http://testserver{path}",
        "related": f"http://testserver{PRODUCTS}/{product.pk}/category",
    }
    assert client.get(path).json() == {
        "jsonapi": {"version": "1.1"},
        "links": links,
        "data": None,
    }
    for data in (linkage, linkage, None, None):
        answer = client.patch(path, {"data": data})
        assert answer.status_code == 200
        assert answer.json()["data"] == data
        assert answer.json()["links"] == links
        assert client.get(path).json()["data"] == data
    assert len(Fact.objects.filter(type="product.updated")) == 2


@pytest.mark.parametrize(
    ("body", "refusal"),
    [
        ({"data": {"type": "products", "id": str(uuid4())}}, (409, "type_conflict", "/data/type")),
        ({"data": {"type": "categories", "id": "x"}}, (404, "not_found", "/data/id")),
        ({"data": {"type": "categories", "id": str(uuid4())}}, (404, "not_found", "/data")),
        ({"data": []}, (400, "malformed", "/data")),
        ({"data": [{"type": "categories", "id": str(uuid4())}]}, (400, "malformed", "/data")),
        ({"data": "x"}, (400, "malformed", "/data")),
        ({"data": {}}, (400, "malformed", "/data")),
        ({"data": {"type": "categories", "id": 5}}, (400, "malformed", "/data/id")),
        ({}, (400, "malformed", "")),
        ([], (400, "malformed", "")),
    ],
)
def test_linkage_that_cannot_be_set_is_pointed_at(client, body, refusal):
    path = f"{PRODUCTS}/{ProductFactory().pk}/relationships/category"
    assert refused(client.patch(path, json.dumps(body).encode())) == refusal


@pytest.mark.parametrize("method", ["POST", "DELETE"])
@pytest.mark.parametrize("name", ["category", "inventory"])
def test_nothing_is_added_to_or_taken_from_a_to_one_relationship(client, method, name):
    path = f"{PRODUCTS}/{ProductFactory().pk}/relationships/{name}"
    answer = client.generic(method, path, b'{"data": []}', JSON_API)
    assert refused(answer) == (403, "read_only", None)


def test_the_inventory_of_a_product_cannot_be_set(client):
    product = StockLevelFactory(on_hand=3).product
    path = f"{PRODUCTS}/{product.pk}"
    own = {"type": "inventory", "id": str(product.pk)}
    answer = client.patch(f"{path}/relationships/inventory", {"data": own})
    assert refused(answer) == (403, "read_only", None)
    pointer = "/data/relationships/inventory"
    for linkage in (None, {"type": "inventory", "id": str(uuid4())}):
        body = document(product=product, relationships={"inventory": {"data": linkage}})
        assert refused(client.patch(path, body)) == (403, "read_only", pointer)
    body = document(product=product, relationships={"inventory": {"data": own}})
    answer = client.patch(path, body)
    assert answer.status_code == 200
    assert "data" not in answer.json()["data"]["relationships"]["inventory"]


@pytest.mark.parametrize("linkage", [{"data": None}, {"links": {}}, {"meta": {}}])
def test_an_empty_inventory_may_be_sent_with_a_product_that_has_none(client, linkage):
    product = ProductFactory()
    body = document({"name": "Cup"}, product, relationships={"inventory": linkage})
    assert client.patch(f"{PRODUCTS}/{product.pk}", body).status_code == 200
    made = client.post(PRODUCTS, document(MUG, relationships={"inventory": {"data": None}}))
    assert made.status_code == 201


def test_what_a_product_is_related_to_has_an_address(client):
    category = CategoryFactory(name="Mugs")
    bare, full = ProductFactory(), StockLevelFactory(product__category=category, on_hand=3).product
    for name in ("category", "inventory"):
        path = f"{PRODUCTS}/{bare.pk}/{name}"
        assert client.get(path).json() == {
            "jsonapi": {"version": "1.1"},
            "links": {"self": f"http://testserver{path}"},
            "data": None,
        }
    found = client.get(f"{PRODUCTS}/{full.pk}/category").json()["data"]
    assert found == client.get(f"/api/v1/categories/{category.pk}").json()["data"]
    found = client.get(f"{PRODUCTS}/{full.pk}/inventory").json()["data"]
    assert found == client.get(f"/api/v1/inventory/{full.pk}").json()["data"]
    linkage = client.get(f"{PRODUCTS}/{full.pk}/relationships/inventory").json()["data"]
    assert linkage == {"type": "inventory", "id": str(full.pk)}


# Included


def included(client, query):
    answer = client.get(f"{PRODUCTS}?{query}")
    assert answer.status_code == 200
    document = answer.json()
    found = [(one["type"], one["id"]) for one in document["included"]]
    assert len(found) == len(set(found))
    assert found == sorted(found)
    return document, found


def test_what_is_included_is_there_once_and_linked(client):
    top = CategoryFactory()
    category = CategoryFactory(parent=top)
    ProductFactory(category=category)
    ProductFactory(category=category)
    ProductFactory()
    stocked = StockLevelFactory(product__category=top, on_hand=3).product
    document, found = included(client, "include=category")
    assert found == sorted([("categories", str(category.pk)), ("categories", str(top.pk))])
    _, found = included(client, "include=category.parent")
    assert found == sorted([("categories", str(category.pk)), ("categories", str(top.pk))])
    document, found = included(client, "include=inventory")
    assert found == [("inventory", str(stocked.pk))]
    linkage = {one["id"]: one["relationships"]["inventory"]["data"] for one in document["data"]}
    assert linkage.pop(str(stocked.pk)) == {"type": "inventory", "id": str(stocked.pk)}
    assert set(linkage.values()) == {None}
    _, found = included(client, "include=category,inventory")
    assert len(found) == 3


def test_nothing_is_included_unasked(client):
    ProductFactory(category=CategoryFactory())
    assert "included" not in client.get(PRODUCTS).json()
    assert client.get(f"{PRODUCTS}?include=").json()["included"] == []
    product = ProductFactory()
    assert client.get(f"{PRODUCTS}/{product.pk}?include=category").json()["included"] == []
    assert client.get(f"{PRODUCTS}/{product.pk}?include=").json()["included"] == []


@pytest.mark.parametrize(
    "query", ["", "include=category", "include=category.parent", "include=inventory,category"]
)
@pytest.mark.parametrize("page", ["page[after]=&page[size]=50", "page[size]=50"])
@pytest.mark.slow
def test_a_page_costs_the_same_queries_however_many_rows_it_has(
    client, django_assert_num_queries, query, page
):
    def fill(number):
        for _ in range(number):
            category = CategoryFactory(parent=CategoryFactory())
            StockLevelFactory(product=ProductFactory(category=category), on_hand=1)

    client.get(PRODUCTS)  # the key is known from here on
    for number in (5, 20):
        fill(number)
        with django_assert_num_queries(2 if "inventory" in query else 1):
            assert client.get(f"{PRODUCTS}?{query}&{page}").status_code == 200
