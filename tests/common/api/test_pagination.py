"""Pages by number and by cursor: totals, links, and walks that miss nothing (API.md §2)."""

from __future__ import annotations

from decimal import Decimal
from itertools import chain

import pytest
from django.db import connection

from common.api import pagination
from products.models import Product
from tests.api_client import JSON_API
from tests.factories import CategoryFactory, ProductFactory

PRODUCTS = "/api/v1/products"
ORDERS = ["name", "price", "sku", "created_at", "updated_at"]


def get(client, url):
    answer = client.get(url)
    assert answer.status_code == 200, answer.content
    return answer.json()


def ids(document):
    return [resource["id"] for resource in document["data"]]


def walk(client, url, between=lambda: None):
    """The ids on every page from this one to the last, following ``next``."""
    pages = []
    while url:
        document = get(client, url)
        pages.append(ids(document))
        url = document["links"].get("next")
        between()
    return pages


def many_products(number):
    """Rows that differ in their SKU alone; quicker than a factory."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO products_product (id, sku, name, description, price, images, status,"
            " version) SELECT gen_random_uuid(), 'X' || n, 'Mug', 'Red', 1, '{}', 'active', 1"
            " FROM generate_series(1, %s) n",
            [number],
        )
        cursor.execute("ANALYZE products_product")


def test_a_page_says_where_it_stands(client):
    products = ProductFactory.create_batch(25)
    document = get(client, f"{PRODUCTS}?page[number]=2&page[size]=10&sort=sku")
    skus = sorted(product.sku for product in products)
    assert [one["attributes"]["sku"] for one in document["data"]] == skus[10:20]
    assert document["meta"]["page"] == {"number": 2, "size": 10, "total": 25}
    assert set(document["links"]) == {"self", "first", "prev", "next", "last"}


def test_ten_is_the_size_of_a_page_that_asks_for_none(client):
    ProductFactory.create_batch(11)
    document = get(client, PRODUCTS)
    assert len(document["data"]) == 10
    assert document["meta"]["page"] == {"number": 1, "size": 10, "total": 11}


def test_the_default_order_is_that_of_creation(client):
    created = [str(ProductFactory().pk) for _ in range(5)]
    assert ids(get(client, PRODUCTS)) == created


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (1, {"self", "first", "next", "last"}),
        (2, {"self", "first", "prev", "next", "last"}),
        (3, {"self", "first", "prev", "last"}),
        (9, {"self", "first", "prev", "last"}),
    ],
)
def test_a_link_that_leads_nowhere_is_left_out(client, number, names):
    ProductFactory.create_batch(5)
    document = get(client, f"{PRODUCTS}?page[number]={number}&page[size]=2")
    assert set(document["links"]) == names
    assert document["meta"]["page"]["total"] == 5
    assert bool(document["data"]) == (number <= 3)


def test_an_empty_collection_has_one_page(client):
    document = get(client, PRODUCTS)
    assert document["data"] == []
    assert document["meta"]["page"] == {"number": 1, "size": 10, "total": 0}
    assert set(document["links"]) == {"self", "first", "last"}


def test_a_last_page_that_is_full_has_no_next_one(client):
    ProductFactory.create_batch(4)
    document = get(client, f"{PRODUCTS}?page[number]=2&page[size]=2")
    assert "next" not in document["links"]
    assert document["meta"]["page"]["total"] == 4


def test_links_lead_where_they_say(client):
    ProductFactory.create_batch(7)
    first = get(client, f"{PRODUCTS}?page[size]=3&sort=-sku")
    second = get(client, first["links"]["next"])
    last = get(client, second["links"]["last"])
    assert walk(client, f"{PRODUCTS}?page[size]=3&sort=-sku") == [
        ids(first),
        ids(second),
        ids(last),
    ]
    assert ids(get(client, second["links"]["prev"])) == ids(first)
    assert ids(get(client, last["links"]["first"])) == ids(first)
    assert ids(get(client, second["links"]["self"])) == ids(second)


@pytest.mark.parametrize("start", ["page[number]=2&page[size]=2", "page[after]=&page[size]=2"])
def test_links_keep_everything_else_that_was_asked(client, start):
    category = CategoryFactory()
    ProductFactory.create_batch(5, category=category, name="Caf\u00e9 & mug")
    asked = (
        f"filter[category]={category.pk}&filter[search]=caf%C3%A9%20mug&sort=-price,name"
        "&include=category&fields[products]=name,category"
    )
    document = get(client, f"{PRODUCTS}?{asked}&{start}")
    for name, url in document["links"].items():
        linked = get(client, url)
        assert set(linked["data"][0]["attributes"]) == {"name"}, name
        assert linked["included"][0]["id"] == str(category.pk)
        assert len(linked["data"]) <= 2


def test_links_are_given_without_a_slash_at_the_end(client):
    ProductFactory.create_batch(3)
    document = get(client, f"{PRODUCTS}/?page[size]=1")
    assert all("/products?" in url for url in document["links"].values())


@pytest.mark.parametrize("sign", ["", "-"])
@pytest.mark.parametrize("name", ORDERS)
def test_a_walk_by_cursor_visits_every_row_once_in_order(client, name, sign):
    for number in range(11):  # every value twice, so that ties must be broken
        ProductFactory(name=f"Mug {number // 2}", price=Decimal(number // 2 + 1))
    Product.objects.update(created_at="2026-01-01T00:00:00.123456Z")
    numbered = walk(client, f"{PRODUCTS}?sort={sign}{name}&page[size]=4")
    by_cursor = walk(client, f"{PRODUCTS}?sort={sign}{name}&page[size]=4&page[after]=")
    assert by_cursor == numbered
    visited = list(chain(*by_cursor))
    assert len(visited) == len(set(visited)) == 11
    attributes = {str(p.pk): getattr(p, name) for p in Product.objects.all()}
    values = [attributes[pk] for pk in visited]
    assert values == sorted(values, reverse=bool(sign))


@pytest.mark.parametrize("order", ["price,-name", "-price,name,-sku", "-name,-price"])
def test_a_walk_in_a_mixed_order_visits_every_row_once(client, order):
    for number in range(12):
        ProductFactory(name=f"Mug {number % 3}", price=Decimal(number % 2 + 1))
    by_cursor = walk(client, f"{PRODUCTS}?sort={order}&page[size]=5&page[after]=")
    assert by_cursor == walk(client, f"{PRODUCTS}?sort={order}&page[size]=5")
    assert len(set(chain(*by_cursor))) == 12


@pytest.mark.parametrize("order", ["name", "-price", "created_at"])
def test_rows_that_come_and_go_do_not_disturb_a_walk(client, order):
    steady = {str(ProductFactory(name=f"Mug {n}", price=Decimal(n + 1)).pk) for n in range(9)}
    passing = []

    def disturb():
        for product in passing:
            product.delete()
        passing[:] = [
            ProductFactory(name="A", price=Decimal("99")),
            ProductFactory(name="Z", price=Decimal("0.01")),
        ]

    pages = walk(client, f"{PRODUCTS}?sort={order}&page[size]=2&page[after]=", disturb)
    visited = list(chain(*pages))
    assert sorted(pk for pk in visited if pk in steady) == sorted(steady)  # each once


def test_a_cursor_page_says_its_size_alone(client):
    ProductFactory.create_batch(3)
    document = get(client, f"{PRODUCTS}?page[after]=&page[size]=2")
    assert document["meta"]["page"] == {"size": 2}
    assert set(document["links"]) == {"self", "first", "next"}
    document = get(client, document["links"]["next"])
    assert set(document["links"]) == {"self", "first"}
    assert len(document["data"]) == 1


def test_a_cursor_belongs_to_its_order(client):
    ProductFactory.create_batch(3)
    cursor = get(client, f"{PRODUCTS}?page[after]=&page[size]=1&sort=name")["links"]["next"]
    answer = client.get(cursor.replace("sort=name", "sort=-name"))
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["source"] == {"parameter": "page[after]"}


def test_a_cursor_that_was_tampered_with_is_refused(client):
    ProductFactory.create_batch(3)
    cursor = get(client, f"{PRODUCTS}?page[after]=&page[size]=1")["links"]["next"]
    start, _, rest = cursor.partition("page%5Bafter%5D=")
    changed = f"{start}page%5Bafter%5D={'A' if rest[0] != 'A' else 'B'}{rest[1:]}"
    assert client.get(changed).status_code == 400


def test_a_search_is_walked_best_first(client):
    for number in range(5):
        ProductFactory(name="Red mug" if number % 2 else "Mug", description="red " * (number + 1))
    numbered = walk(client, f"{PRODUCTS}?filter[search]=red&page[size]=2")
    assert walk(client, f"{PRODUCTS}?filter[search]=red&page[size]=2&page[after]=") == numbered
    assert len(set(chain(*numbered))) == 5


class TestBeyondTheExactRows:
    """With the bound at 100 rows instead of 10 000, the rules are the same."""

    @pytest.fixture(autouse=True)
    def smaller_bounds(self, monkeypatch):
        monkeypatch.setattr(pagination, "EXACT_UP_TO", 100)
        monkeypatch.setattr(pagination, "SURELY_MANY", 500)

    @pytest.mark.parametrize("number", [1, 99, 100])
    def test_a_total_is_exact_up_to_the_bound(self, client, number):
        many_products(number)
        page = get(client, f"{PRODUCTS}?page[size]=1")["meta"]["page"]
        assert page == {"number": 1, "size": 1, "total": number}

    @pytest.mark.parametrize("number", [101, 400, 2_000])
    def test_beyond_it_a_total_is_an_estimate_and_says_so(self, client, number):
        many_products(number)
        document = get(client, f"{PRODUCTS}?page[size]=1")
        page = document["meta"]["page"]
        assert page["total_is_estimate"] is True
        assert page["total"] > 100
        assert page["total"] == pytest.approx(number, rel=0.2)
        assert "last" not in document["links"]

    def test_last_is_left_out_only_when_it_would_start_beyond(self, client):
        many_products(100)
        last = get(client, f"{PRODUCTS}?page[size]=30")["links"]["last"]
        assert len(get(client, last)["data"]) == 10

    @pytest.mark.parametrize(("number", "size"), [(101, 1), (11, 10), (3, 50), (1000, 1)])
    def test_a_page_that_starts_beyond_is_refused_and_points_to_the_cursor(
        self, client, number, size
    ):
        answer = client.get(f"{PRODUCTS}?page[number]={number}&page[size]={size}")
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert error["code"] == "invalid_parameter"
        assert error["source"] == {"parameter": "page[number]"}
        assert "page[after]" in error["detail"]

    @pytest.mark.parametrize("size", [10, 30])
    def test_a_walk_by_number_goes_on_by_cursor(self, client, size):
        many_products(135)
        pages = walk(client, f"{PRODUCTS}?page[size]={size}&sort=-sku")
        visited = list(chain(*pages))
        assert len(visited) == len(set(visited)) == 135
        skus = {str(p.pk): p.sku for p in Product.objects.all()}
        assert [skus[pk] for pk in visited] == sorted(skus.values(), reverse=True)


def test_the_bound_is_ten_thousand_rows(client):
    assert pagination.EXACT_UP_TO == 10_000
    assert client.get(f"{PRODUCTS}?page[number]=100&page[size]=100").status_code == 200
    assert client.get(f"{PRODUCTS}?page[number]=101&page[size]=100").status_code == 400


def test_a_filter_that_can_match_nothing_has_an_empty_second_page(client):
    document = get(client, "/api/v1/stock-levels?filter[location]=bogus&page[number]=2")
    assert document["meta"]["page"] == {"number": 2, "size": 10, "total": 0}


@pytest.mark.parametrize("path", ["stock-movements", "transfers"])
def test_some_collections_know_cursors_only(client, path):
    document = get(client, f"/api/v1/{path}")
    assert document["meta"]["page"] == {"size": 10}
    for name in ("page[number]", "page"):
        answer = client.get(f"/api/v1/{path}?{name}=1", headers={"Accept": "*/*"})
        assert answer.status_code == 400
        (error,) = answer.json()["errors"]
        assert (error["code"], error["source"]) == ("unknown_parameter", {"parameter": name})


def test_a_list_costs_the_same_queries_however_long_it_is(client, django_assert_num_queries):
    client.get(PRODUCTS, headers={"Accept": JSON_API})  # the key is known from here on
    ProductFactory.create_batch(2)
    with django_assert_num_queries(1):
        client.get(f"{PRODUCTS}?page[size]=5")
    ProductFactory.create_batch(40)
    with django_assert_num_queries(3):  # rows, estimate, count
        client.get(f"{PRODUCTS}?page[size]=5")
    with django_assert_num_queries(3):
        client.get(f"{PRODUCTS}?page[size]=40")
    with django_assert_num_queries(1):
        client.get(f"{PRODUCTS}?page[size]=40&page[after]=")
