"""Every address with and without a slash, never by redirect; every link leads somewhere."""

from __future__ import annotations

import pytest

from tests.api_client import JSON
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

PRODUCTS = "/api/v1/products"
NOBODY = "00000000-0000-7000-8000-000000000000"
MUG = {"name": "Mug", "description": "Red", "price": 4}


@pytest.mark.usefixtures("commits_at_once")
@pytest.mark.parametrize("slash", ["", "/"])
def test_both_forms_of_an_address_do_the_same(client, slash):
    created = client.post(PRODUCTS + slash, MUG, JSON)
    assert created.status_code == 201
    assert not created["Location"].endswith("/")
    path = f"{PRODUCTS}/{created.json()['data']['id']}{slash}"
    assert client.get(path).status_code == 200
    assert client.get(path).json() == client.get(path.rstrip("/")).json()
    assert client.patch(path, {"name": "Cup"}, JSON).status_code == 200
    assert client.get(f"{PRODUCTS}{slash}?page=1&size=10").status_code == 200
    assert client.get(f"{path.rstrip('/')}/category{slash}").json()["data"] is None
    relationship = f"{path.rstrip('/')}/relationships/category{slash}"
    assert client.get(relationship).status_code == 200
    assert client.patch(relationship, {"data": None}).status_code == 200
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def links_in(value):
    """Every link object of a document, at any depth."""
    if isinstance(value, dict):
        yield from value.get("links", {}).values()
        for member in value.values():
            yield from links_in(member)
    elif isinstance(value, list):
        for member in value:
            yield from links_in(member)


@pytest.mark.django_db
def test_every_link_that_is_given_out_works_and_has_no_slash_at_its_end(client):
    level = StockLevelFactory(product=ProductFactory(category=CategoryFactory()))
    ProductFactory.create_batch(2)
    waiting = [
        f"http://testserver/api/v1/{start}"
        for start in (
            "products?page[size]=1&include=category,inventory",
            "categories",
            "inventory?include=product,stock_levels",
            "stock-levels",
            "stock-movements",
            "locations",
            f"products/{level.product_id}",
        )
    ]
    seen = set()
    while waiting:
        url = waiting.pop()
        if url in seen:
            continue
        seen.add(url)
        assert not url.partition("?")[0].endswith("/"), url
        answer = client.get(url)
        assert answer.status_code == 200, url
        waiting += links_in(answer.json())
    assert len(seen) > 30


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
def test_self_is_the_address_asked_for_with_its_query(client, slash):
    product = ProductFactory(name="Caf\u00e9")
    asked = f"/api/v1/products/{product.pk}{slash}?fields[products]=name&include="
    assert client.get(asked).json()["links"]["self"] == (
        f"http://testserver/api/v1/products/{product.pk}?fields%5Bproducts%5D=name&include="
    )
    listed = client.get(f"{PRODUCTS}{slash}?filter[search]=caf%C3%A9&sort=-name")
    assert listed.json()["links"]["self"] == (
        "http://testserver/api/v1/products?filter%5Bsearch%5D=caf%C3%A9&sort=-name"
    )


def test_location_is_the_link_of_what_was_created(client):
    created = client.post(PRODUCTS, MUG, JSON)
    document = created.json()
    assert created["Location"] == document["links"]["self"] == document["data"]["links"]["self"]
    assert client.get(created["Location"]).json() == document


def test_links_speak_of_the_host_that_was_asked(client, settings):
    settings.ALLOWED_HOSTS = ["*"]
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    for host in ("shop.example", "localhost:8001", "[::1]:8000"):
        for _ in range(2):  # from the row, then from the cache
            document = client.get(path, HTTP_HOST=host).json()
            assert all(link.startswith(f"http://{host}/api/") for link in links_in(document))


@pytest.mark.usefixtures("commits_at_once")
def test_ids_may_be_written_in_capitals(client):
    product = ProductFactory()
    path = f"{PRODUCTS}/{str(product.pk).upper()}"
    for _ in range(2):
        document = client.get(path).json()
        assert document["data"]["id"] == str(product.pk)
        assert document["data"]["links"]["self"].endswith(str(product.pk))
    body = {"data": {"type": "products", "id": str(product.pk).upper(), "attributes": {"price": 9}}}
    assert client.patch(path, body).status_code == 200
    assert client.get(path).json()["data"]["attributes"]["price"] == "9.00"
    assert client.get(path.lower()).json()["data"]["attributes"]["price"] == "9.00"


def test_an_empty_question_mark_changes_nothing(client):
    product = ProductFactory()
    plain = client.get(f"{PRODUCTS}/{product.pk}")
    assert client.get(f"{PRODUCTS}/{product.pk}?").content == plain.content


@pytest.mark.django_db
@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize(
    ("path", "page"), [("", "/admin/"), ("/api", "/docs"), ("/api/v1", "/docs")]
)
def test_above_the_api_a_person_is_sent_on_and_a_program_is_told_where_to_look(
    client, path, page, slash
):
    answer = client.get(path + slash, headers={"Accept": "text/html"})
    assert (answer.status_code, answer["Location"]) == (302, page)
    answer = client.get(path + slash)
    assert answer.status_code == 404
    assert "/docs" in answer.json()["errors"][0]["detail"]


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/health", "/docs", "/api", PRODUCTS, f"{PRODUCTS}/{NOBODY}"])
def test_a_line_break_is_no_end_of_an_address(client, path):
    answer = client.get(f"{path}%0A")
    assert answer.status_code == 404
    assert "/docs" in answer.json()["errors"][0]["detail"]  # as for every unknown address
