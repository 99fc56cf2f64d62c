"""ETag, If-None-Match and If-Match (API.md §4, RFC 9110 §13)."""

from __future__ import annotations

import pytest

from common.api import conditional
from common.api.errors import PreconditionFailed
from tests.api_client import JSON
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory

PRODUCTS = "/api/v1/products"


def stale(answer):
    assert answer.status_code == 412
    (error,) = answer.json()["errors"]
    return (error["code"], error.get("source")) == (
        "precondition_failed",
        {"header": "If-Match"},
    )


@pytest.fixture
def product(db):
    return ProductFactory(category=CategoryFactory())


@pytest.fixture
def path(product):
    return f"{PRODUCTS}/{product.pk}"


@pytest.mark.parametrize(
    ("header", "is_it"),
    [
        (None, False),
        ("", False),
        ('"3"', True),
        ('W/"3"', True),
        ('"1", "3"', True),
        ('"1","2" , W/"3"', True),
        ("*", True),
        (" * ", True),
        ('"33"', False),
        ('"3-abc"', False),
        ("3", False),
        ('"*"', False),
        ('"1", "2"', False),
    ],
)
def test_the_client_holds_this_representation(header, is_it):
    assert conditional.is_not_modified(header, '"3"') is is_it


@pytest.mark.parametrize("header", [None, "*", " * ", '"3"', '"3-abcdef"', '"1", "3"', '"2","3-x"'])
def test_the_client_has_seen_this_version(header):
    conditional.check_if_match(header, 3)


@pytest.mark.parametrize(
    "header", ["", '"2"', 'W/"3"', "3", '"33"', '"x-3"', '"*"', '"1", W/"3"', '"3', "garbage\x00"]
)
def test_the_client_has_not_seen_this_version(header):
    with pytest.raises(PreconditionFailed):
        conditional.check_if_match(header, 3)


@pytest.mark.parametrize(
    "tail",
    [
        "",
        "?include=category",
        "?fields[products]=name",
        "/category",
        "/category?fields[categories]=name",
    ],
)
@pytest.mark.parametrize("accept", ["*/*", JSON])
def test_every_single_resource_has_a_tag_and_is_not_sent_twice(client, path, tail, accept):
    answer = client.get(path + tail, headers={"Accept": accept})
    assert answer.status_code == 200
    again = client.get(
        path + tail, headers={"Accept": accept, "If-None-Match": f'"x", W/{answer["ETag"]}'}
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again["ETag"] == answer["ETag"]
    assert again["Cache-Control"] == answer["Cache-Control"] == "private, no-cache"
    assert "Content-Type" not in again
    assert "Accept" in again["Vary"]


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["inventory", "stock-levels", "locations", "categories"])
def test_resources_of_other_types_have_tags_too(client, kind):
    level = StockLevelFactory()
    rows = {
        "inventory": level.product,
        "stock-levels": level,
        "locations": LocationFactory(),
        "categories": CategoryFactory(),
    }
    url = f"/api/v1/{kind}/{rows[kind].pk}"
    answer = client.get(url)
    assert client.get(url, headers={"If-None-Match": answer["ETag"]}).status_code == 304


def test_collections_and_linkage_have_no_tag(client, path):
    for url in (PRODUCTS, f"{path}/relationships/category"):
        answer = client.get(url, headers={"If-None-Match": "*"})
        assert answer.status_code == 200
        assert "ETag" not in answer


def test_a_head_request_is_answered_like_a_get_without_the_body(client, path):
    for url in (PRODUCTS, path, f"{path}?include=category", f"{path}/category"):
        got, head = client.get(url), client.head(url)
        assert head.content == b""
        assert head.status_code == 200
        for name in ("ETag", "Content-Type", "Content-Length", "Vary", "Cache-Control"):
            assert head.get(name) == got.get(name)
        if "ETag" in got:
            assert client.head(url, headers={"If-None-Match": got["ETag"]}).status_code == 304


@pytest.mark.usefixtures("commits_at_once")
def test_a_products_tag_is_its_version(client, path, product):
    assert client.get(path)["ETag"] == '"1"'
    changed = client.patch(path, {"name": "Cup"}, JSON)
    assert changed["ETag"] == '"2"'
    assert changed.json()["data"]["attributes"]["version"] == 2
    assert client.get(path)["ETag"] == '"2"'


def test_representations_of_one_version_have_different_tags(client, path):
    urls = [path, f"{path}?fields[products]=name", f"{path}?fields[products]=sku"]
    tags = {client.get(url)["ETag"] for url in urls}
    assert len(tags) == 3
    assert {tag.strip('"').partition("-")[0] for tag in tags} == {"1"}


@pytest.mark.usefixtures("commits_at_once")
def test_what_was_created_or_changed_carries_the_tag_of_its_version(client):
    mug = {"name": "Mug", "description": "Red", "price": 4}
    for query in ("", "?include=category", "?fields[products]=name"):
        created = client.post(PRODUCTS + query, mug, JSON)
        url = created.json()["data"]["links"]["self"]
        seen = {"If-Match": created["ETag"]}
        changed = client.patch(url + query, {"name": "Cup"}, JSON, headers=seen)
        assert changed.status_code == 200
        assert client.patch(url, {"name": "Pot"}, JSON, headers=seen).status_code == 412
        seen = {"If-Match": changed["ETag"]}
        assert client.patch(url, {"name": "Pot"}, JSON, headers=seen).status_code == 200


@pytest.mark.usefixtures("commits_at_once")
@pytest.mark.django_db
def test_the_bytes_of_a_created_and_a_changed_product_are_those_of_get(client):
    made = {"name": "M\u00fcg\u2028<&>", "description": "Red", "price": 4}
    created = client.post(PRODUCTS, made, JSON)
    url = created.json()["data"]["links"]["self"]
    assert client.get(url).content == created.content
    changed = client.patch(url, {"price": "5"}, JSON)
    assert client.get(url).content == changed.content
    assert client.patch(url, {"price": "5"}, JSON).content == changed.content


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("query", ["", "?fields[products]=name", "?include=category"])
def test_a_change_that_has_seen_the_current_version_is_carried_out(client, path, method, query):
    tag = client.get(path + query)["ETag"]
    body = b'{"name": "Cup"}' if method == "PATCH" else b""
    answer = client.generic(method, path, body, JSON, headers={"If-Match": tag})
    assert answer.status_code == (200 if method == "PATCH" else 204)


@pytest.mark.parametrize("tag", ['"0"', 'W/"1"', '"2"', '"garbage"', "1"])
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
def test_a_change_that_has_seen_another_version_is_refused(client, path, method, tag):
    body = b'{"name": "Cup"}' if method == "PATCH" else b""
    assert stale(client.generic(method, path, body, JSON, headers={"If-Match": tag}))
    assert client.get(path)["ETag"] == '"1"'


def test_a_relationship_is_changed_under_the_same_condition(client, path):
    url = f"{path}/relationships/category"
    assert stale(client.patch(url, {"data": None}, headers={"If-Match": '"7"'}))
    assert client.patch(url, {"data": None}, headers={"If-Match": '"1"'}).status_code == 200


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("kind", ["categories", "locations"])
def test_other_types_are_changed_under_the_same_condition(client, kind, method):
    row = CategoryFactory() if kind == "categories" else LocationFactory()
    url = f"/api/v1/{kind}/{row.pk}"
    body = b'{"name": "Other"}' if method == "PATCH" else b""
    assert stale(client.generic(method, url, body, JSON, headers={"If-Match": '"7"'}))
    tag = client.get(url)["ETag"]
    assert client.generic(method, url, body, JSON, headers={"If-Match": tag}).status_code < 300


def test_a_change_in_the_meantime_is_noticed_under_the_lock(client, path, product, monkeypatch):
    """The version is looked at twice: a change may come between the two."""
    from products.api.views import ProductView

    seen = ProductView.seen_for_update

    def overtaken(view):
        instance = seen(view)
        type(instance).objects.filter(pk=instance.pk).update(version=9)
        return instance

    monkeypatch.setattr(ProductView, "seen_for_update", overtaken)
    assert client.patch(path, {"name": "Cup"}, JSON, headers={"If-Match": '"1"'}).status_code == 412
    product.refresh_from_db()
    assert product.name != "Cup"


def test_an_asterisk_means_any_version_of_what_exists(client, path):
    answer = client.patch(path, {"name": "Cup"}, JSON, headers={"If-Match": "*"})
    assert answer.status_code == 200
    client.delete(path)
    answer = client.patch(path, {"name": "Cup"}, JSON, headers={"If-Match": "*"})
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("header", "is_ruled_out"),
    [
        (None, False),
        ('"2"', False),
        ("garbage", False),
        ("*", True),
        ('"3"', True),
        ('W/"3"', True),
        ('"1", "3-abc"', True),
    ],
)
def test_what_must_not_be_there(header, is_ruled_out):
    try:
        conditional.check_if_none_match(header, 3)
    except PreconditionFailed:
        assert is_ruled_out
    else:
        assert not is_ruled_out


@pytest.mark.django_db
@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
@pytest.mark.parametrize("header", ["*", '"1"'])
@pytest.mark.parametrize("kind", ["products", "categories", "locations"])
def test_a_change_of_what_must_not_be_there_is_refused(client, kind, method, header):
    factories = {
        "products": ProductFactory,
        "categories": CategoryFactory,
        "locations": LocationFactory,
    }
    url = f"/api/v1/{kind}/{factories[kind]().pk}"
    headers = {"If-None-Match": header}
    answer = client.generic(method, url, b'{"name": "Other"}', JSON, headers=headers)
    assert answer.status_code == 412
    assert answer.json()["errors"][0]["source"] == {"header": "If-None-Match"}
    assert client.get(url).json()["data"]["attributes"]["version"] == 1


@pytest.mark.django_db
def test_stock_is_not_changed_either(client):
    level = StockLevelFactory(on_hand=5)
    url = f"/api/v1/inventory/{level.product_id}"
    headers = {"If-None-Match": "*"}
    assert client.patch(url, {"quantity_delta": 1}, JSON, headers=headers).status_code == 412
    level.refresh_from_db()
    assert level.on_hand == 5


@pytest.mark.django_db
@pytest.mark.parametrize("kind", ["stock-movements", "transfers"])
def test_what_never_changes_has_a_tag_too(client, kind):
    level, far = StockLevelFactory(on_hand=5), LocationFactory(code="far")
    transfer = {"product_id": str(level.product_id), "quantity": 1}
    places = {"from_location": "main", "to_location": far.code}
    client.post("/api/v1/transfers", transfer | places, JSON)
    one = client.get(f"/api/v1/{kind}").json()["data"][0]["links"]["self"]
    answer = client.get(one)
    assert client.get(one, headers={"If-None-Match": answer["ETag"]}).status_code == 304
