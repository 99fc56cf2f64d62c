"""Collections of products: filters and order (API.md §6)."""

from __future__ import annotations

from decimal import Decimal
from uuid import uuid4

import pytest

from products.models import Product
from tests.factories import CategoryFactory, ProductFactory
from tests.products.talking import PRODUCTS, listed

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("commits_at_once")]


def test_products_are_filtered_by_what_they_are(client):
    category = CategoryFactory()
    ProductFactory(sku="A", price=Decimal("10"), category=category, status="draft")
    ProductFactory(sku="B", price=Decimal("20"), barcode="96385074")
    ProductFactory(sku="C", price=Decimal("30"), category=category)
    for query, expected in {
        "filter[sku]=a": "A",
        "filter[sku]=A": "A",
        "filter[sku]=D": "",
        "filter[barcode]=96385074": "B",
        f"filter[category]={category.pk}": "AC",
        f"filter[category]={str(category.pk).upper()}": "AC",
        f"filter[category]={uuid4()}": "",
        "filter[status]=draft": "A",
        "filter[status]=archived": "",
        "filter[price][gte]=20": "BC",
        "filter[price][gt]=20": "C",
        "filter[price][lte]=20.00": "AB",
        "filter[price][lt]=20": "A",
        "filter[price][gt]=10&filter[price][lt]=30": "B",
        "filter[price][gt]=19.995": "BC",
        f"filter[category]={category.pk}&filter[status]=active": "C",
    }.items():
        assert "".join(listed(client, f"{query}&sort=sku")) == expected, query


@pytest.mark.parametrize(
    ("name", "order"),
    [
        ("name", "ABC"),
        ("price", "CAB"),
        ("sku", "ABC"),
        ("created_at", "BCA"),
        ("updated_at", "CBA"),
    ],
)
def test_products_are_put_in_order(client, name, order):
    days = {"A": ("03", "03"), "B": ("01", "02"), "C": ("02", "01")}
    for sku, price, name_of_it in (
        ("A", 20, "apple"),
        ("B", 30, "\u00c1rbol"),
        ("C", 10, "Banana"),
    ):
        ProductFactory(sku=sku, price=Decimal(price), name=name_of_it)
        created, updated = days[sku]
        Product.objects.filter(sku=sku).update(
            created_at=f"2026-01-{created}T00:00Z", updated_at=f"2026-01-{updated}T00:00Z"
        )
    assert "".join(listed(client, f"sort={name}")) == order
    assert "".join(listed(client, f"sort=-{name}")) == order[::-1]


def test_names_are_in_the_order_that_people_expect(client):
    for name in (
        "zebra",
        "\u00c9clair",
        "Apple",
        "eagle",
        "apricot",
        "\u00c4pfel",
        "Zoo",
        "1 apple",
    ):
        ProductFactory(name=name)
    assert listed(client, "sort=name", by="name") == [
        "1 apple",
        "\u00c4pfel",
        "Apple",
        "apricot",
        "eagle",
        "\u00c9clair",
        "zebra",
        "Zoo",
    ]


def test_equal_values_are_in_the_order_of_their_ids_in_the_direction_asked(client):
    for _ in range(5):
        ProductFactory(price=Decimal("5"))
    ids = [str(pk) for pk in Product.objects.order_by("pk").values_list("pk", flat=True)]
    for query, expected in (("sort=price", ids), ("sort=-price", ids[::-1])):
        found = [one["id"] for one in client.get(f"{PRODUCTS}?{query}").json()["data"]]
        assert found == expected
