"""Full-text search over name, description, SKU and barcode (API.md §6)."""

from __future__ import annotations

import pytest
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from products import querysets
from products.models import Product
from tests.factories import ProductFactory

pytestmark = pytest.mark.django_db

PRODUCTS = "/api/v1/products"


def found(client, text, **query):
    answer = client.get(PRODUCTS, {"filter[search]": text, **query})
    assert answer.status_code == 200, answer.content
    return [one["attributes"]["sku"] for one in answer.json()["data"]]


@pytest.fixture
def catalogue(db):
    for sku, name, description, barcode in (
        ("CUP-RED", "Red cup", "For tea. Dishwasher-safe.", None),
        ("MUG-1", "Caf\u00e9 mug, blue", "A stoneware mug for coffee.", "96385074"),
        ("MUG-2", "M\u00dcG with a lid", "Keeps tea warm \u2014 for hours!", "4006381333931"),
        ("\u0041BC.12/3", "Stra\u00dfe sign", "50% off (today) & tomorrow", None),
    ):
        ProductFactory(sku=sku, name=name, description=description, barcode=barcode)


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(
    ("text", "skus"),
    [
        ("red", {"CUP-RED"}),
        ("RED", {"CUP-RED"}),
        ("cup red", {"CUP-RED"}),
        ("red cup", {"CUP-RED"}),
        ("red  cup ", {"CUP-RED"}),
        ("cafe", {"MUG-1"}),
        ("caf\u00e9", {"MUG-1"}),
        ("cafe\u0301", {"MUG-1"}),
        ("CAF\u00c9 mug", {"MUG-1"}),
        ("blue cafe", {"MUG-1"}),
        ("mug", {"MUG-1", "MUG-2"}),
        ("m\u00fcg", {"MUG-1", "MUG-2"}),
        ("stonew", {"MUG-1"}),
        ("mug stonew", {"MUG-1"}),
        ("stonew mug", set()),  # only the last word may be its beginning
        ("tea", {"CUP-RED", "MUG-2"}),
        ("tea mug", {"MUG-2"}),
        ("dishwasher-safe", {"CUP-RED"}),
        ("safe dishwasher", {"CUP-RED"}),
        ("MUG-1", {"MUG-1"}),
        ("mug-", {"MUG-1", "MUG-2"}),
        ("cup-r", {"CUP-RED"}),
        ("abc.12/3", {"ABC.12/3"}),
        ("96385074", {"MUG-1"}),
        ("9638", {"MUG-1"}),
        ("40063813", {"MUG-2"}),
        ("50%", {"ABC.12/3"}),
        ("(today) & tomorrow", {"ABC.12/3"}),
        ("strasse", {"ABC.12/3"}),
        ("warm \u2014 for", {"MUG-2"}),
        ("nothing", set()),
        ("red nothing", set()),
        ("!", set()),
        ("& | !", set()),
        ("' \" \\", set()),
        ("\u2014", set()),
        (":*", set()),
        ("%", set()),
        ("_", set()),
    ],
)
def test_a_search_finds(client, text, skus):
    assert set(found(client, text)) == skus


def test_a_word_in_the_name_counts_for_more_than_in_the_description(client):
    ProductFactory(sku="B", name="Cup", description="Not a mug at all")
    ProductFactory(sku="A", name="Mug", description="Just what it says")
    assert found(client, "mug") == ["A", "B"]
    assert found(client, "mug", sort="sku") == ["A", "B"]
    assert found(client, "mug", sort="-sku") == ["B", "A"]


def test_a_deleted_product_is_not_found(client):
    ProductFactory(name="Mug", deleted_at="2026-01-01T00:00Z")
    assert found(client, "mug") == []


def test_what_was_changed_is_found_as_it_is_now(client):
    product = ProductFactory(name="Mug", description="x")
    client.patch(f"{PRODUCTS}/{product.pk}", {"name": "Cup"}, "application/json")
    assert found(client, "mug") == []
    assert found(client, "cup") == [product.sku]


def test_a_search_goes_together_with_filters(client):
    ProductFactory(sku="A", name="Mug", price=5)
    ProductFactory(sku="B", name="Mug", price=9)
    answer = client.get(PRODUCTS, {"filter[search]": "mug", "filter[price][gt]": "6"})
    assert [one["attributes"]["sku"] for one in answer.json()["data"]] == ["B"]


def test_a_search_looks_at_so_many_candidates_and_no_more(client, monkeypatch):
    assert querysets.MAX_CANDIDATES == 1_000
    monkeypatch.setattr(querysets, "MAX_CANDIDATES", 7)
    ProductFactory.create_batch(12, name="Mug")
    page = client.get(PRODUCTS, {"filter[search]": "mug"}).json()["meta"]["page"]
    assert page == {"number": 1, "size": 10, "total": 7}


@settings(
    max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text(alphabet=st.characters(exclude_categories=["Cs"], exclude_characters="\x00")))
@example("a\u00a0b")
@example("a\u2028b")
@example("\u2018quoted\u2019 \uff06 \u00ab")
@example("a:b:*c & (d | !e) <-> f")
@example("\\")
@example("''")
@example("\u0130\u0131\u017f")
@example("x" * 3_000)
@example("a " * 1_000)
def test_no_text_breaks_a_search(text):
    with transaction.atomic():
        rows = Product.objects.living().matching(text).order_by("-rank", "pk")
        assert list(rows) == []


@settings(
    max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
@given(st.text(alphabet=st.characters(categories=["L", "Nd"], max_codepoint=0x24F), min_size=1))
def test_a_product_is_found_by_its_own_name(text):
    product = ProductFactory(name=text[:255], description="x")
    try:
        assert product in Product.objects.living().matching(product.name)
    finally:
        product.delete()


def test_a_very_long_description_is_searched_as_far_as_it_goes(client):
    ProductFactory(sku="A", description="needle " + "hay " * 200_000)
    ProductFactory(sku="B", description="x" * 900_000)
    assert found(client, "needle") == ["A"]
