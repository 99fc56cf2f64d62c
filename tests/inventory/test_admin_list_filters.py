"""The filters by supply, by location and from one day to another."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from inventory.models import StockLevel
from products.models import Product
from tests.back_office import text_of
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promise_pages import ordered
from tests.inventory.stock_pages import LEVELS, skus

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

PRODUCTS = "/admin/products/product/"


def products(client, query: str) -> list[str]:
    page = client.get(f"{PRODUCTS}?{query}")
    text_of(page)
    return [product.sku for product in page.context["cl"].result_list]


@pytest.fixture
def supplied():
    """One whose batch comes, one whose batch is late, one without any."""
    for sku in ("COMING", "LATE", "NONE"):
        StockLevelFactory(product__sku=sku)
    ordered("PO-1", 5, sku="COMING", days=3)
    ordered("PO-2", 5, sku="LATE", days=-3)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [("coming", ["COMING", "LATE"]), ("late", ["LATE"]), ("none", ["NONE"])],
)
def test_lists_are_filtered_by_what_is_on_its_way(admin_client, supplied, choice, expected):
    assert skus(admin_client.get(f"{LEVELS}?batch={choice}")) == expected
    assert products(admin_client, f"batch={choice}") == expected


def test_a_batch_supplies_its_location_alone(admin_client):
    level = StockLevelFactory(product__sku="MUG")
    StockLevelFactory(product=level.product, location=LocationFactory(code="outlet"))
    ordered("PO-1", 5)
    page = admin_client.get(f"{LEVELS}?batch=coming")
    assert [row.pk for row in page.context["cl"].result_list] == [level.pk]


def test_products_are_filtered_by_location(admin_client):
    StockLevelFactory(product__sku="HERE")
    StockLevelFactory(product__sku="THERE", location=LocationFactory(code="outlet"))
    ProductFactory(sku="NOWHERE")
    assert products(admin_client, "location=outlet") == ["THERE"]
    assert products(admin_client, "location=main") == ["HERE"]
    assert products(admin_client, "location=nonsense") == []


def test_a_product_is_out_of_stock_where_it_has_been_stocked(admin_client):
    outlet = LocationFactory(code="outlet")
    StockLevelFactory(product__sku="OUT")
    half = StockLevelFactory(product__sku="HALF")
    StockLevelFactory(product=half.product, location=outlet, on_hand=1)
    StockLevelFactory(product__sku="PROMISED", on_hand=2, reserved=2)
    ProductFactory(sku="NEVER")
    assert products(admin_client, "stock=out") == ["OUT", "PROMISED"]
    assert products(admin_client, "stock=in") == ["HALF"]
    assert products(admin_client, "") == ["HALF", "NEVER", "OUT", "PROMISED"]


def test_stock_levels_are_filtered_by_category_and_status_of_their_products(admin_client):
    cups, pots = CategoryFactory(name="Cups"), CategoryFactory(name="Pots")
    StockLevelFactory(product__sku="CUP", product__category=cups)
    StockLevelFactory(product__sku="OLD-CUP", product__category=cups, product__status="archived")
    StockLevelFactory(product__sku="POT", product__category=pots)
    StockLevelFactory(product__sku="THING")
    by_category = f"product__category__id__exact={cups.pk}"
    assert skus(admin_client.get(f"{LEVELS}?{by_category}")) == ["CUP", "OLD-CUP"]
    assert skus(admin_client.get(f"{LEVELS}?product__category__isnull=True")) == ["THING"]
    archived = "product__status__exact=archived"
    assert skus(admin_client.get(f"{LEVELS}?{archived}")) == ["OLD-CUP"]
    assert (
        skus(admin_client.get(f"{LEVELS}?{archived}&product__category__id__exact={pots.pk}")) == []
    )
    page = text_of(admin_client.get(LEVELS))
    assert "By category" in page
    assert "By status" in page


def test_the_filters_take_no_more_queries_for_more_rows(admin_client):
    def queries(count: int) -> int:
        for _ in range(count):
            StockLevelFactory(product__category=CategoryFactory())
        with CaptureQueriesContext(connection) as asked:
            text_of(admin_client.get(LEVELS))
        return len(asked)

    queries(1)
    assert queries(1) == queries(9)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("updated_at_from=2026-03-02", ["SECOND", "THIRD"]),
        ("updated_at_to=2026-03-02", ["FIRST", "SECOND"]),
        ("updated_at_from=2026-03-02&updated_at_to=2026-03-02", ["SECOND"]),
        ("updated_at_from=2026-03-03&updated_at_to=2026-03-01", []),
        ("updated_at_from=nonsense&updated_at_to=", ["FIRST", "SECOND", "THIRD"]),
        ("updated_at_to=9999-12-31", ["FIRST", "SECOND", "THIRD"]),
        ("updated_at_from=0001-01-01", ["FIRST", "SECOND", "THIRD"]),
    ],
)
def test_lists_are_filtered_from_one_day_to_another_both_included(admin_client, query, expected):
    for day, sku in enumerate(["FIRST", "SECOND", "THIRD"], start=1):
        level = StockLevelFactory(product__sku=sku)
        when = datetime(2026, 3, day, 23, 59, 59, tzinfo=UTC)
        Product.objects.filter(pk=level.product_id).update(updated_at=when)
        StockLevel.objects.filter(pk=level.pk).update(updated_at=when)
    assert products(admin_client, query) == expected
    assert skus(admin_client.get(f"{LEVELS}?{query}")) == expected


def test_the_days_keep_the_search_and_the_other_filters(admin_client):
    ProductFactory(sku="MUG-1")
    ProductFactory(sku="MUG-2", status="draft")
    today = timezone.now().date()
    query = f"q=MUG&status__exact=draft&updated_at_from={today - timedelta(days=1)}"
    assert products(admin_client, f"{query}&o=3") == ["MUG-2"]
    page = text_of(admin_client.get(f"{PRODUCTS}?{query}&o=3"))
    form = page[page.index('class="so-dates"') :]
    for name, value in [("q", "MUG"), ("status__exact", "draft"), ("o", "3")]:
        assert f'name="{name}" value="{value}"' in form
