"""GET /catalogue: search, filters, order, facets, and reading what one has written."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from time import monotonic
from uuid import uuid4

import pytest

from catalogue import facets
from catalogue.api import waiting
from catalogue.models import Document
from catalogue.projecting import CATALOGUE, project
from catalogue.rebuilding import rebuild
from catalogue.standing import last_given
from common.api import pagination
from common.events.models import Event, Reader
from common.events.sequencing import number_events
from products import operations as products
from tests.catalogue.projected import project_all
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.openapi import assert_matches_schema
from tests.racing import in_a_thread

pytestmark = pytest.mark.django_db

URL = "/api/v1/catalogue"


def fetched(client, query=""):
    response = client.get(f"{URL}?{query}")
    assert response.status_code == 200, response.json()
    assert_matches_schema(response, "listCatalogue")
    return response.json()


def skus(client, query=""):
    return "".join(one["attributes"]["sku"] for one in fetched(client, query)["data"])


def refused(client, query, status=400, **headers):
    response = client.get(f"{URL}?{query}", headers=headers)
    assert response.status_code == status, response.json()
    (error,) = response.json()["errors"]
    return error


@pytest.fixture
def shop(db):
    """Three products in a tree: A at two locations, B at none, C without any left."""
    top = CategoryFactory(name="Kitchen")
    below = CategoryFactory(name="Mugs", parent=top)
    a = ProductFactory(sku="A", name="Red mug", price=Decimal(30), category=below)
    b = products.create_product(
        sku="B", name="Árbol", description="A tree.", price=Decimal(10), category_id=top.pk
    )
    c = ProductFactory(sku="C", name="Blue mug", price=Decimal(20), status="draft")
    StockLevelFactory(product=a, on_hand=5)
    StockLevelFactory(product=a, on_hand=2, location=LocationFactory(code="shop"))
    StockLevelFactory(product=c, on_hand=0)
    project_all()
    Document.objects.filter(pk=c.pk).update(popularity=9)
    return {"top": top, "below": below, "a": a, "b": b, "c": c}


def test_a_document_tells_of_the_product_and_of_its_stock(client, shop):
    (found,) = fetched(client, "filter[sku]=a")["data"]
    assert (found["type"], found["id"]) == ("catalogue", str(shop["a"].pk))
    told = found["attributes"]
    assert (told["name"], told["price"], told["available"]) == ("Red mug", "30.00", 7)
    assert [step["name"] for step in told["category_path"]] == ["Kitchen", "Mugs"]
    assert {line["location"]: line["available"] for line in told["locations"]} == {
        "main": 5,
        "shop": 2,
    }
    response = client.get(f"{URL}/{shop['a'].pk}")
    assert_matches_schema(response, "getCatalogueEntry")
    assert response.json()["data"] == found
    again = client.get(f"{URL}/{shop['a'].pk}", headers={"If-None-Match": response["ETag"]})
    assert again.status_code == 304


def test_what_is_unknown_or_deleted_is_not_found(client, shop):
    assert client.get(f"{URL}/{uuid4()}").status_code == 404
    products.delete_product(product_id=shop["b"].pk)
    project_all()
    assert client.get(f"{URL}/{shop['b'].pk}").status_code == 404
    assert skus(client, "sort=price") == "CA"


def test_the_catalogue_is_filtered(client, shop):
    main = LocationFactory(code="main").pk
    for query, expected in {
        "filter[search]=mug": "AC",
        "filter[search]=arb": "B",
        "filter[search]=mug%20blue": "C",
        "filter[search]=nothing": "",
        "filter[sku][in]=a,C": "AC",
        "filter[status]=active": "AB",
        f"filter[category]={shop['top'].pk}": "AB",
        f"filter[category]={shop['below'].pk}": "A",
        f"filter[category]={uuid4()}": "",
        "filter[in_stock]=true": "A",
        "filter[in_stock]=false": "BC",
        "filter[available][gte]=7": "A",
        "filter[available][lt]=7": "BC",
        "filter[price][gte]=20": "AC",
        "filter[location]=shop": "A",
        "filter[location]=SHOP": "A",
        f"filter[location]={main}": "A",
        "filter[location]=moon": "",
        "filter[search]=mug&filter[in_stock]=true": "A",
    }.items():
        assert "".join(sorted(skus(client, query))) == expected, query


@pytest.mark.parametrize(
    ("name", "order"),
    [("price", "BCA"), ("available", "BCA"), ("name", "BCA"), ("popularity", "ABC")],
)
def test_the_catalogue_is_put_in_order(client, shop, name, order):
    for sku, text in {"a": "zebra", "b": "apple", "c": "Árbol"}.items():
        products.change_product(product_id=shop[sku].pk, changes={"name": text})
    project_all()
    assert skus(client, f"sort={name}") == order
    assert skus(client, f"sort=-{name}") == order[::-1]


@pytest.mark.parametrize("query", ["", "&sort=-available", "&filter[search]=mug", "&sort=name"])
def test_a_walk_by_cursor_meets_every_document_once(client, query):
    for number in range(7):
        ProductFactory(sku=f"MUG-{number}", name=f"Mug {number % 2}")
    rebuild(lambda _: None)
    seen, url = [], f"{URL}?page[after]=&page[size]=2{query}"
    while url:
        answer = client.get(url).json()
        seen += [one["attributes"]["sku"] for one in answer["data"]]
        url = answer["links"].get("next")
    assert sorted(seen) == [f"MUG-{number}" for number in range(7)]


def test_as_of_names_the_last_event_that_is_shown(client, shop):
    told = fetched(client)["meta"]["as_of"]
    last = Event.objects.order_by("-sequence").first()
    assert told["sequence"] == last.sequence
    assert told["occurred_at"][:19] == last.occurred_at.isoformat()[:19]


def test_before_anything_happened_there_is_an_answer_too(client):
    assert fetched(client)["meta"]["as_of"] == {"sequence": 0, "occurred_at": None}


# Facets


def test_facets_count_what_was_found(client, shop):
    told = fetched(client, "facets=category,price,availability")["meta"]["facets"]
    assert told["is_estimate"] is False
    assert {one["name"]: one["count"] for one in told["category"]} == {"Kitchen": 1, "Mugs": 1}
    assert [one["count"] for one in told["price"]] == [0, 2, 1, 0, 0, 0, 0, 0]
    assert told["availability"] == {"in_stock": 1, "incoming": 0, "out_of_stock": 2}
    told = fetched(client, "facets=availability&filter[status]=draft")["meta"]["facets"]
    assert told == {
        "availability": {"in_stock": 0, "incoming": 0, "out_of_stock": 1},
        "is_estimate": False,
    }


def test_facets_of_many_are_estimated_from_a_sample(client, monkeypatch):
    monkeypatch.setattr(facets, "EXACT_UP_TO", 20)
    monkeypatch.setattr(facets, "SAMPLE", 10)
    monkeypatch.setattr(facets, "estimated", lambda _: 60)
    for number in range(60):
        ProductFactory(price=Decimal(5 if number % 2 else 700))
    rebuild(lambda _: None)
    told = fetched(client, "facets=price")["meta"]["facets"]
    assert told["is_estimate"] is True
    counts = [one["count"] for one in told["price"]]
    assert sum(counts) == 60
    assert counts[0] + counts[-2] == 60


def expect_too_many(monkeypatch):
    """As PostgreSQL does where conditions hang together."""
    monkeypatch.setattr(facets, "estimated", lambda _: 30_000)
    monkeypatch.setattr(pagination, "estimated", lambda _: 30_000)


@pytest.mark.parametrize("query", ["", "page[after]=&", "page[size]=2&"])
def test_of_few_where_many_were_expected_all_are_counted(client, monkeypatch, query):
    for _ in range(12):
        ProductFactory()
    rebuild(lambda _: None)
    expect_too_many(monkeypatch)
    told = fetched(client, f"{query}facets=availability")["meta"]["facets"]
    assert told["availability"] == {"in_stock": 0, "incoming": 0, "out_of_stock": 12}
    assert told["is_estimate"] is False


def test_where_the_total_is_exact_the_facets_are(client, monkeypatch):
    monkeypatch.setattr(facets, "WALKED", 3_000)
    for _ in range(12):
        ProductFactory()
    rebuild(lambda _: None)
    expect_too_many(monkeypatch)
    meta = fetched(client, "facets=availability&page[size]=100")["meta"]
    assert meta["page"]["total"] == meta["facets"]["availability"]["out_of_stock"] == 12
    assert meta["facets"]["is_estimate"] is False
    meta = fetched(client, "facets=availability&page[after]=")["meta"]
    assert meta["facets"]["is_estimate"] is True


def test_a_sample_looks_at_a_share_of_all_documents_alone(client, monkeypatch):
    """Documents are looked at in the order of their dice: a quarter of all where 1/4 is set."""
    for _ in range(40):
        ProductFactory()
    rebuild(lambda _: None)
    monkeypatch.setattr(facets, "WALKED", 7_500)
    expect_too_many(monkeypatch)
    told = fetched(client, "facets=availability&page[after]=")["meta"]["facets"]
    within = Document.objects.filter(dice__lt=2**29).count()
    assert told["availability"]["out_of_stock"] == 4 * within
    assert within < 40


@pytest.mark.parametrize("value", ["", "color", "price,", "price;drop", "category,color"])
def test_unknown_facets_are_refused(client, value):
    assert refused(client, f"facets={value}")["source"] == {"parameter": "facets"}


# Reading what one has written


def happen(shop) -> int:
    """Change a product; returns the sequence of that event, which no document shows yet."""
    products.change_product(product_id=shop["a"].pk, changes={"name": "New"})
    assert number_events() == 1
    return last_given()


def test_nobody_waits_for_what_has_not_happened(client, shop):
    error = refused(client, f"min_sequence={last_given() + 1}", Prefer="wait=5")
    assert (error["code"], error["source"]) == ("invalid_parameter", {"parameter": "min_sequence"})


@pytest.mark.parametrize("value", ["", "-1", "1.5", "x", "9" * 30, "\uff11", "true"])
def test_a_sequence_is_a_whole_number(client, value):
    error = refused(client, f"min_sequence={value}")
    assert (error["code"], error["source"]) == ("invalid_parameter", {"parameter": "min_sequence"})


def test_what_is_not_shown_yet_is_refused_and_can_be_tried_again(client, shop):
    reached = Reader.objects.get(pk=CATALOGUE).sequence
    assert fetched(client, f"min_sequence={reached}")["data"]
    assert fetched(client, "min_sequence=0")["data"]
    to_come = happen(shop)
    error = refused(client, f"min_sequence={to_come}", 503)
    assert error["code"] == "not_yet_projected"
    response = client.get(f"{URL}/{shop['a'].pk}?min_sequence={to_come}")
    assert (response.status_code, response["Retry-After"]) == (503, "1")


@pytest.mark.parametrize("prefer", ["wait=x", "wait=-1", "respond-async", "wait", "=;,", "wait=0"])
def test_a_preference_without_sense_is_no_preference(client, shop, prefer):
    assert (
        refused(client, f"min_sequence={happen(shop)}", 503, Prefer=prefer)["code"]
        == "not_yet_projected"
    )


def test_patience_ends(client, shop, monkeypatch):
    to_come = happen(shop)
    monkeypatch.setattr(waiting, "LONGEST", 0.1)
    began = monotonic()
    refused(client, f"min_sequence={to_come}", 503, Prefer="respond-async, wait=100")
    assert 0.1 <= monotonic() - began < 5


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_a_reader_sees_what_it_waited_for(client, monkeypatch):
    level = StockLevelFactory(on_hand=5)
    project_all()
    reached = Reader.objects.get(pk=CATALOGUE).sequence
    asked = waiting.wait_for

    def project_meanwhile(sequence, *, patience):
        with ThreadPoolExecutor(1) as threads:
            threads.submit(in_a_thread, project)
            return asked(sequence, patience=patience)

    monkeypatch.setattr(waiting, "wait_for", project_meanwhile)
    happen({"a": level.product})
    response = client.get(f"{URL}?min_sequence={reached + 1}", headers={"Prefer": "wait=5"})
    assert response.json()["data"][0]["attributes"]["name"] == "New"
    assert response.json()["meta"]["as_of"]["sequence"] == reached + 1


def test_only_a_few_may_wait_at_once(client, shop):
    to_come = happen(shop)
    places = []
    while waiting._places.acquire(blocking=False):
        places.append(None)
    try:
        began = monotonic()
        refused(client, f"min_sequence={to_come}", 503, Prefer="wait=5")
        assert monotonic() - began < 2
    finally:
        for _ in places:
            waiting._places.release()


# Who may


@pytest.mark.parametrize("scope", ["products:read", "inventory:read"])
def test_one_scope_is_not_enough(api_client, scope):
    assert api_client(scope).get(URL).status_code == 403


def test_both_scopes_are(api_client):
    assert api_client("products:read", "inventory:read").get(URL).status_code == 200


@pytest.mark.parametrize("method", ["post", "patch", "delete"])
def test_nobody_writes_here(client, method):
    assert getattr(client, method)(URL).status_code == 405
