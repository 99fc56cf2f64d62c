"""/categories as API.md §6 has it."""

from __future__ import annotations

from uuid import uuid4

import pytest

from tests.api_client import JSON
from tests.factories import CategoryFactory, ProductFactory

pytestmark = pytest.mark.django_db

CATEGORIES = "/api/v1/categories"


def refused(answer):
    (error,) = answer.json()["errors"]
    return answer.status_code, error["code"], error.get("source", {}).get("pointer")


def listed(client, query):
    answer = client.get(f"{CATEGORIES}?{query}")
    assert answer.status_code == 200, answer.content
    return [one["attributes"]["slug"] for one in answer.json()["data"]]


def document(attributes=None, parent=None, **members):
    data = {"type": "categories", "attributes": attributes or {}, **members}
    if parent:
        linkage = {"type": "categories", "id": str(parent.pk)}
        data["relationships"] = {"parent": {"data": linkage}}
    return {"data": data}


def test_a_created_category_is_told_whole(client):
    parent = CategoryFactory()
    answer = client.post(CATEGORIES, document({"name": "Mugs & Cups"}, parent))
    assert answer.status_code == 201
    data, url = answer.json()["data"], answer["Location"]
    assert answer.json()["links"]["self"] == data["links"]["self"] == url
    for stamp in ("created_at", "updated_at"):
        assert data["attributes"].pop(stamp).endswith("Z")
    assert data["attributes"] == {"name": "Mugs & Cups", "slug": "mugs-cups", "version": 1}
    assert data["relationships"]["parent"] == {
        "links": {"self": f"{url}/relationships/parent", "related": f"{url}/parent"},
        "data": {"type": "categories", "id": str(parent.pk)},
    }
    assert client.get(url).content == answer.content


@pytest.mark.parametrize("name", ["parent", "parent_id"])
def test_a_plain_body_names_the_parent_by_its_id(client, name):
    parent = CategoryFactory()
    for value in (str(parent.pk), None):
        answer = client.post(CATEGORIES, {"name": f"Mugs {value}", name: value}, JSON)
        data = answer.json()["data"]["relationships"]["parent"]["data"]
        assert (data and data["id"]) == value


@pytest.mark.parametrize(
    ("attributes", "refusal"),
    [
        ({}, (422, "required", "")),
        ({"name": ""}, (422, "blank", "/name")),
        ({"name": 5}, (422, "invalid", "/name")),
        ({"name": "x" * 256}, (422, "max_length", "/name")),
        ({"name": "\u65e5\u672c"}, (422, "invalid", "")),
        ({"name": "Mugs", "slug": "!"}, (422, "invalid", "/slug")),
        ({"name": "Mugs", "slug": 5}, (422, "invalid", "/slug")),
        ({"name": "Mugs", "slug": "taken"}, (409, "duplicate", "/slug")),
        ({"name": "Taken"}, (409, "duplicate", "")),
        ({"name": "Mugs", "parent_id": str(uuid4())}, (404, "not_found", "/parent_id")),
        ({"name": "Mugs", "parent": "x"}, (404, "not_found", "/parent")),
        ({"name": "Mugs", "colour": 1}, (422, "unknown_attribute", "/colour")),
    ],
)
def test_what_a_category_cannot_be(client, attributes, refusal):
    CategoryFactory(name="Taken", slug="taken")
    assert refused(client.post(CATEGORIES, attributes, JSON)) == refusal
    assert len(listed(client, "")) == 1


def test_a_name_of_many_signs_makes_a_slug_that_fits(client):
    answer = client.post(CATEGORIES, {"name": "\u33a8" * 255}, JSON)
    assert answer.status_code == 201
    assert len(answer.json()["data"]["attributes"]["slug"]) <= 255


def test_a_category_is_moved_and_renamed(client):
    category, parent = CategoryFactory(slug="mugs"), CategoryFactory()
    path = f"{CATEGORIES}/{category.pk}"
    answer = client.patch(path, document({"name": "Cups"}, parent, id=str(category.pk)))
    data = answer.json()["data"]
    assert (data["attributes"]["name"], data["attributes"]["slug"]) == ("Cups", "mugs")
    assert data["relationships"]["parent"]["data"]["id"] == str(parent.pk)
    assert client.get(f"{path}/parent").json()["data"]["id"] == str(parent.pk)
    linkage = f"{path}/relationships/parent"
    assert client.patch(linkage, {"data": None}).json()["data"] is None
    assert client.get(f"{path}/parent").json()["data"] is None
    assert client.get(path)["ETag"].startswith('"3-')


def test_a_category_that_was_fetched_can_be_sent_back(client):
    category = CategoryFactory(parent=CategoryFactory())
    path = f"{CATEGORIES}/{category.pk}?include=parent"
    fetched = client.get(path).json()
    assert client.patch(path.partition("?")[0], fetched).json()["data"] == fetched["data"]


def test_a_category_is_not_put_below_itself(client):
    category = CategoryFactory()
    child = CategoryFactory(parent=category)
    path = f"{CATEGORIES}/{category.pk}"
    pointer = "/data/relationships/parent"
    for parent in (category, child):
        answer = client.patch(path, document(parent=parent, id=str(category.pk)))
        assert refused(answer) == (422, "invalid", pointer)
        linkage = {"data": {"type": "categories", "id": str(parent.pk)}}
        answer = client.patch(f"{path}/relationships/parent", linkage)
        assert answer.status_code == 422


def test_a_category_in_use_stays(client):
    category = CategoryFactory()
    product = ProductFactory(category=category)
    path = f"{CATEGORIES}/{category.pk}"
    assert refused(client.delete(path)) == (409, "category_in_use", None)
    client.patch(f"/api/v1/products/{product.pk}/relationships/category", {"data": None})
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_categories_are_filtered_and_put_in_order(client):
    top = CategoryFactory(name="b", slug="top")
    CategoryFactory(name="\u00e4", slug="one", parent=top)
    CategoryFactory(name="C", slug="two", parent=top)
    assert listed(client, "") == ["top", "one", "two"]
    assert listed(client, "sort=name") == ["one", "top", "two"]
    assert listed(client, "sort=-slug") == ["two", "top", "one"]
    assert listed(client, f"filter[parent]={top.pk}") == ["one", "two"]
    assert listed(client, "filter[slug]=two") == ["two"]
    assert client.get(f"{CATEGORIES}?filter[name]=b").status_code == 400


def test_the_parent_can_be_included(client, django_assert_num_queries):
    top = CategoryFactory()
    child = CategoryFactory(parent=top)
    document = client.get(f"{CATEGORIES}/{child.pk}?include=parent").json()
    assert [one["id"] for one in document["included"]] == [str(top.pk)]
    document = client.get(f"{CATEGORIES}?include=parent").json()
    assert document["included"] == []  # both are there already
    with django_assert_num_queries(1):
        client.get(f"{CATEGORIES}?include=parent")


def test_whoever_may_only_read_changes_no_category(read_only_client):
    category = CategoryFactory()
    path = f"{CATEGORIES}/{category.pk}"
    assert read_only_client.get(path).status_code == 200
    assert read_only_client.post(CATEGORIES, {"name": "Mugs"}, JSON).status_code == 403
    assert read_only_client.patch(path, {"name": "Mugs"}, JSON).status_code == 403
    assert read_only_client.delete(path).status_code == 403
