"""Query parameters: every one is used or refused by its name (API.md §2)."""

from __future__ import annotations

import pytest
from django_filters import CharFilter

from products.api.filters import ProductFilters
from products.api.views import ProductView
from tests.api_client import JSON, JSON_API
from tests.factories import CategoryFactory, ProductFactory

PRODUCTS = "/api/v1/products"
MUG = {
    "data": {
        "type": "products",
        "attributes": {"name": "Mug", "description": "Red", "price": "4.00"},
    }
}


def refusal(answer):
    """The code and the parameter that an answer of 400 is about."""
    assert answer.status_code == 400, answer.content
    (error,) = answer.json()["errors"]
    assert error["status"] == "400"
    assert error["title"] == "Bad Request"
    return error["code"], error["source"]["parameter"]


@pytest.mark.parametrize(
    "name",
    [
        "bogus",
        "camelCase",
        "filter",
        "fields",
        "filter[]",
        "filter[_]",
        "filter[bogus]",
        "filter[name]",
        "filter[deleted_at]",
        "filter[price]",
        "filter[price][lookup]",
        "filter[price__gte]",
        "filter[price][gte][x]",
        "filter[category_id]",
        "filter[category][name]",
        "page[bogus]",
        "page[number][x]",
        "page[]",
        "page[offset]",
        "fields[products][x]",
        "Sort",
        "sort[]",
        "include[]",
        "format",
        "",
        "[",
        "filter[\u00e9]",
    ],
)
@pytest.mark.parametrize("path", [PRODUCTS, f"{PRODUCTS}/{{id}}"])
def test_an_unknown_parameter_is_refused_by_its_name(client, path, name):
    path = path.format(id=ProductFactory().pk)
    assert refusal(client.get(path, {name: "1"})) == ("unknown_parameter", name)


@pytest.mark.parametrize("name", ["bogus", "page[size]", "filter[sku]", "sort", "page", "size"])
@pytest.mark.parametrize("method", ["GET", "HEAD", "PATCH", "DELETE"])
def test_a_collections_parameters_are_refused_on_one_resource(client, method, name):
    path = f"{PRODUCTS}/{ProductFactory().pk}"
    answer = client.generic(method, path, QUERY_STRING=f"{name}=1")
    if method == "HEAD":
        assert (answer.status_code, answer.content) == (400, b"")
    else:
        assert refusal(answer) == ("unknown_parameter", name)


@pytest.mark.parametrize("name", ["bogus", "page[size]", "filter[sku]", "sort"])
def test_a_collections_parameters_are_refused_when_creating(client, name):
    answer = client.post(f"{PRODUCTS}?{name}=name", MUG)
    assert refusal(answer) == ("unknown_parameter", name)


@pytest.mark.parametrize("name", ["include", "fields[products]", "page[size]", "filter[sku]"])
def test_relationships_take_no_parameters(client, name):
    path = f"{PRODUCTS}/{ProductFactory().pk}/relationships/category?{name}=category"
    for answer in (client.get(path), client.patch(path, {"data": None})):
        _, parameter = refusal(answer)
        assert parameter == name


@pytest.mark.parametrize(
    ("query", "parameter"),
    [
        ("page[size]=0", "page[size]"),
        ("page[size]=-1", "page[size]"),
        ("page[size]=101", "page[size]"),
        ("page[size]=1000000", "page[size]"),
        ("page[size]=abc", "page[size]"),
        ("page[size]=", "page[size]"),
        ("page[size]=1.0", "page[size]"),
        ("page[size]=+1", "page[size]"),
        ("page[size]=1e1", "page[size]"),
        ("page[size]=\uff11", "page[size]"),
        ("page[size]=\u0661", "page[size]"),
        ("page[number]=0", "page[number]"),
        ("page[number]=-1", "page[number]"),
        ("page[number]=x", "page[number]"),
        ("page[number]=1001", "page[number]"),
        ("page[number]=1000000000000000000000000000000", "page[number]"),
        ("page[after]=nonsense", "page[after]"),
        ("page[after]=\u00e9", "page[after]"),
        ("page[after]=&page[number]=1", "page[after]"),
        ("page[size]=1&page[size]=2", "page[size]"),
        ("sort=", "sort"),
        ("sort=bogus", "sort"),
        ("sort=id", "sort"),
        ("sort=deleted_at", "sort"),
        ("sort=category__name", "sort"),
        ("sort=--name", "sort"),
        ("sort=+name", "sort"),
        ("sort=name,", "sort"),
        ("sort=,name", "sort"),
        ("sort=name,bogus", "sort"),
        ("sort=Name", "sort"),
        ("sort= name", "sort"),
        ("sort=name&sort=price", "sort"),
        ("include=bogus", "include"),
        ("include=category.bogus", "include"),
        ("include=category.parent.parent", "include"),
        ("include=products", "include"),
        ("include=category,bogus", "include"),
        ("include=category,", "include"),
        ("include=category&include=inventory", "include"),
        ("fields[products]=bogus", "fields[products]"),
        ("fields[products]=name,bogus", "fields[products]"),
        ("fields[products]=,", "fields[products]"),
        ("fields[products]=deleted_at", "fields[products]"),
        ("fields[products]=search", "fields[products]"),
        ("fields[bogus]=name", "fields[bogus]"),
        ("fields[transfers]=quantity", "fields[transfers]"),
        ("fields[products]=name&fields[products]=sku", "fields[products]"),
        ("filter[sku]=", "filter[sku]"),
        ("filter[sku]= ", "filter[sku]"),
        ("filter[search]=", "filter[search]"),
        ("filter[search]=%20", "filter[search]"),
        ("filter[search]=%09%0A", "filter[search]"),
        ("filter[search]=" + "x" * 201, "filter[search]"),
        ("filter[status]=bogus", "filter[status]"),
        ("filter[status]=ACTIVE", "filter[status]"),
        ("filter[category]=bogus", "filter[category]"),
        ("filter[price][gte]=x", "filter[price][gte]"),
        ("filter[price][gte]=NaN", "filter[price][gte]"),
        ("filter[price][gte]=Infinity", "filter[price][gte]"),
        ("filter[price][gte]=1e30", "filter[price][gte]"),
        ("filter[price][gte]=" + "9" * 5000, "filter[price][gte]"),
        ("filter[price][gte]=1" + "0" * 30, "filter[price][gte]"),
        ("filter[price][lt]=1&filter[price][lt]=2", "filter[price][lt]"),
        ("filter[sku]=%00", "filter[sku]"),
        ("filter[search]=a%00b", "filter[search]"),
        ("filter[search]=a%1Fb", "filter[search]"),
        ("filter[sku]=%7F", "filter[sku]"),
        ("page=2&page[number]=2", "page"),
        ("size=2&page[size]=2", "size"),
        ("page=2&page[after]=", "page"),
        ("page=x", "page"),
        ("page=", "page"),
        ("page=0", "page"),
        ("page=1001", "page"),
        ("size=0", "size"),
        ("size=1000", "size"),
        ("page=1&size=1000", "size"),
    ],
)
def test_a_value_that_makes_no_sense_is_refused_by_its_parameter(client, query, parameter):
    answer = client.get(f"{PRODUCTS}?{query}", headers={"Accept": JSON})
    assert refusal(answer) == ("invalid_parameter", parameter)


@pytest.mark.parametrize(
    "query",
    [
        "filter[search]=%ff",
        "filter[search]=%ed%a0%80",
        "filter[sku]=%c3%9f",
        "filter[price][gte]=-1",
        "filter[price][gte]=0.000001",
        "filter[price][gte]=1e5",
        "filter[category]=01a1fd94-0000-7000-8000-000000000000",
        "filter[barcode]=bogus",
        "filter[sku]=no/such.sku",
        "page[number]=1000&page[size]=10",
        "page[number]=7",
        "fields[products]=",
        "fields[inventory]=quantity",
        "fields%5Bproducts%5D=name",
        "include=",
        "include=category,category",
    ],
)
def test_a_value_that_finds_nothing_is_no_mistake(client, query):
    assert client.get(f"{PRODUCTS}?{query}").status_code == 200


def test_twenty_filters_are_enough(client, monkeypatch):
    extra = {f"extra{number}": CharFilter(field_name="barcode") for number in range(21)}
    many_filters = type("ManyFilters", (ProductFilters,), extra)
    monkeypatch.setattr(ProductView, "filterset_class", many_filters)
    query = {f"filter[extra{number}]": "1" for number in range(20)}
    assert client.get(PRODUCTS, query).status_code == 200
    assert refusal(client.get(PRODUCTS, query | {"filter[extra20]": "1"})) == (
        "invalid_parameter",
        "filter[extra20]",
    )


def test_more_parameters_than_anyone_needs_are_refused(client):
    answer = client.get(f"{PRODUCTS}?" + "&".join(f"a{number}=1" for number in range(2_000)))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] in {"malformed", "unknown_parameter"}


def test_plain_clients_page_in_their_own_words(client):
    ProductFactory.create_batch(5)
    plain = client.get(f"{PRODUCTS}?page=2&size=2", headers={"Accept": JSON}).json()
    canonical = client.get(f"{PRODUCTS}?page[number]=2&page[size]=2").json()
    assert plain["data"] == canonical["data"]
    assert plain["meta"] == canonical["meta"]
    for name in ("first", "prev", "next", "last"):
        assert plain["links"][name] == canonical["links"][name]
    assert "page%5Bnumber%5D=2&page%5Bsize%5D=2" in plain["links"]["self"]
    assert client.get(plain["links"]["self"]).json()["data"] == plain["data"]


@pytest.mark.parametrize("accept", ["", "*/*", JSON, f"{JSON}, */*"])
def test_whoever_does_not_ask_for_json_api_may_page_plainly(client, accept):
    headers = {"Accept": accept} if accept else {}
    assert client.get(f"{PRODUCTS}?page=1&size=10", headers=headers).status_code == 200


@pytest.mark.parametrize("accept", [JSON_API, f"{JSON}, {JSON_API};q=0.1", JSON_API.upper()])
def test_whoever_asks_for_json_api_pages_as_json_api_says(client, accept):
    answer = client.get(f"{PRODUCTS}?page=1", headers={"Accept": accept})
    assert refusal(answer) == ("unknown_parameter", "page")


def test_sparse_fieldsets_give_these_fields_and_no_others(client):
    product = ProductFactory(category=CategoryFactory())
    path = f"{PRODUCTS}/{product.pk}"

    def shown(query):
        data = client.get(f"{path}?{query}").json()["data"]
        return {*data.get("attributes", {}), *data.get("relationships", {})}

    assert shown("fields[products]=name,category") == {"name", "category"}
    assert shown("fields%5Bproducts%5D=sku") == {"sku"}
    assert shown("fields[products]=") == set()
    assert shown("fields[categories]=name") >= {"name", "price", "inventory", "category"}


def test_sparse_fieldsets_hold_for_what_is_included(client):
    product = ProductFactory(category=CategoryFactory(name="Mugs"))
    document = client.get(
        f"{PRODUCTS}/{product.pk}?include=category&fields[categories]=name&fields[products]=sku"
    ).json()
    (category,) = document["included"]
    assert category["attributes"] == {"name": "Mugs"}
    assert "relationships" not in category
    assert document["data"]["attributes"] == {"sku": product.sku}


def test_sparse_fieldsets_and_includes_hold_for_what_was_created_or_changed(client):
    category = CategoryFactory()
    body = {
        "data": MUG["data"]
        | {"relationships": {"category": {"data": {"type": "categories", "id": str(category.pk)}}}}
    }
    query = "include=category&fields[products]=name,category&fields[categories]=slug"
    created = client.post(f"{PRODUCTS}?{query}", body).json()
    assert created["data"]["attributes"] == {"name": "Mug"}
    assert created["included"][0]["attributes"] == {"slug": category.slug}
    body["data"] = {"type": "products", "id": created["data"]["id"], "attributes": {"price": 5}}
    changed = client.patch(f"{PRODUCTS}/{created['data']['id']}?{query}", body).json()
    assert changed == created


@pytest.mark.parametrize("sort", ["price,price", "price,-price", "-name,price,name"])
def test_a_field_sorts_once(client, sort):
    response = client.get(f"/api/v1/products?sort={sort}")
    assert response.status_code == 400
    assert response.json()["errors"][0]["source"] == {"parameter": "sort"}
