"""Products in the back office: the list and a product's page."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.test import Client

from common.backoffice import lists
from products import operations
from tests.back_office import page_of, staff, text_of
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

LIST = "/admin/products/product/"


def skus(page) -> list[str]:
    text_of(page)
    return [product.sku for product in page.context["cl"].result_list]


@pytest.fixture
def viewer() -> Client:
    """Somebody who may look at the catalogue and nothing else."""
    return staff("view_product", "view_category")


# The list


def test_the_list_shows_what_is_sold_and_how_many_there_are(admin_client):
    mug = ProductFactory(sku="MUG", name="Mug", price=Decimal("12.50"), category=CategoryFactory())
    StockLevelFactory(product=mug, on_hand=7, reserved=3)
    page = text_of(admin_client.get(LIST))
    for figure in ("MUG", "Mug", "12.50", mug.category.name, "Active"):
        assert figure in page
    assert re.search(r"field-on_hand[^>]*>7<", page)
    assert re.search(r"field-available[^>]*>4<", page)


def test_a_product_without_stock_says_whether_it_ever_had_any(admin_client):
    StockLevelFactory(product__sku="GONE", on_hand=2, reserved=2)
    ProductFactory(sku="NEW")
    page = text_of(admin_client.get(LIST))
    assert "Out of stock: 2 on hand, 2 of them reserved" in page
    assert "Never stocked" in page


def test_the_first_image_is_shown_without_telling_its_host_who_looks(admin_client):
    ProductFactory(images=["https://images.example/a.jpg", "https://images.example/b.jpg"])
    (picture,) = re.findall(r"<img[^>]*images\.example[^>]*>", text_of(admin_client.get(LIST)))
    assert 'src="https://images.example/a.jpg"' in picture
    assert 'referrerpolicy="no-referrer"' in picture
    assert 'loading="lazy"' in picture


def test_the_list_takes_as_many_queries_for_many_products_as_for_few(
    admin_client, django_assert_num_queries
):
    def add(count):
        for _ in range(count):
            StockLevelFactory(on_hand=1, product__category=CategoryFactory())

    add(5)
    admin_client.get(LIST)
    queries = 6  # session, user, categories to filter by, count, products, inventories
    with django_assert_num_queries(queries):
        assert len(skus(admin_client.get(LIST))) == 5
    add(20)
    with django_assert_num_queries(queries):
        assert len(skus(admin_client.get(LIST))) == 25


def test_rows_are_counted_only_so_far(admin_client, monkeypatch):
    monkeypatch.setattr(lists, "MOST_COUNTED", 3)
    ProductFactory.create_batch(3)
    assert "and more" not in text_of(admin_client.get(LIST))
    ProductFactory()
    page = admin_client.get(LIST)
    assert "and more" in text_of(page)
    assert page.context["cl"].result_count == 3


def test_an_empty_list_says_what_to_do_next(admin_client):
    assert "No products yet" in text_of(admin_client.get(LIST))
    ProductFactory()
    page = text_of(admin_client.get(f"{LIST}?q=nothing"))
    assert "Nothing matches" in page
    assert "Show all products" in page


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("mu", ["MU", "MUG-RED"]),
        ("MUG-", ["MUG-RED"]),
        ("4006381333931", ["PEN"]),
        ("ball pen", ["PEN"]),
        ("creme", ["CUP"]),
        ("cup of", ["CUP"]),
        ("  PEN  ", ["PEN"]),
        ("%", []),
        ("'\"\\:*", []),
    ],
)
def test_products_are_found_by_code_and_by_words(admin_client, typed, found):
    ProductFactory(sku="MUG-RED", name="Red")
    ProductFactory(sku="MU", name="Short")
    ProductFactory(sku="PEN", name="A pen with a ball", barcode="4006381333931")
    ProductFactory(sku="CUP", name="Crème cup", description="A cup of coffee fits.")
    assert skus(admin_client.get(LIST, {"q": typed})) == found


def test_what_is_called_by_its_code_comes_before_what_only_mentions_it(admin_client):
    ProductFactory(sku="A-CASE", name="Case for MUG, for a MUG, with a MUG")
    ProductFactory(sku="MUG")
    assert skus(admin_client.get(LIST, {"q": "mug"})) == ["MUG", "A-CASE"]


def test_filters_by_stock_status_and_category(admin_client):
    cups = CategoryFactory()
    StockLevelFactory(product__sku="PLENTY", product__category=cups, on_hand=9, reorder_point=2)
    StockLevelFactory(product__sku="LOW", on_hand=2, reorder_point=2)
    StockLevelFactory(product__sku="OUT", product__status="archived")
    ProductFactory(sku="NEVER")

    def filtered(query):
        return skus(admin_client.get(f"{LIST}?{query}"))

    assert filtered("stock=in") == ["LOW", "PLENTY"]
    assert filtered("stock=low") == ["LOW"]
    assert filtered("stock=out") == ["NEVER", "OUT"]
    assert filtered("status__exact=archived") == ["OUT"]
    assert filtered(f"category__id__exact={cups.pk}") == ["PLENTY"]


def test_deleted_products_are_out_of_sight_until_asked_for(admin_client):
    living, gone = ProductFactory(sku="HERE"), ProductFactory(sku="GONE", name="Gone")
    operations.delete_product(product_id=gone.pk)
    assert skus(admin_client.get(LIST)) == [living.sku]
    assert skus(admin_client.get(f"{LIST}?q=gone")) == []
    assert skus(admin_client.get(f"{LIST}?deleted=yes")) == [gone.sku]
    assert skus(admin_client.get(f"{LIST}?deleted=yes&q=gone")) == [gone.sku]
    assert skus(admin_client.get(f"{LIST}?deleted=yes&q=here")) == []


# A product's page


def test_the_page_shows_stock_and_leads_to_adjusting_it(admin_client):
    level = StockLevelFactory(on_hand=7, reserved=2)
    page = text_of(admin_client.get(page_of(level.product)))
    assert "7 on hand, 5 available" in page
    assert f"/admin/inventory/stocklevel/{level.pk}/adjust/?back=product" in page


def test_a_product_that_was_never_stocked_says_what_to_do(admin_client):
    mug = ProductFactory()
    page = text_of(admin_client.get(page_of(mug)))
    assert "This product has never been stocked." in page
    assert f"/admin/inventory/stocklevel/add/?product={mug.pk}" in page


def test_who_may_not_adjust_stock_sees_no_link_to_it(viewer):
    level = StockLevelFactory()
    page = text_of(viewer.get(page_of(level.product)))
    assert "/adjust/" not in page
    assert "/stocklevel/add/" not in page


def test_fields_that_pick_a_product_offer_living_ones(admin_client):
    ProductFactory(sku="HERE")
    operations.delete_product(product_id=ProductFactory(sku="GONE").pk)
    picked = {"app_label": "inventory", "model_name": "stocklevel", "field_name": "product"}
    for term in ("", "here"):
        answer = admin_client.get("/admin/autocomplete/", picked | {"term": term}).json()
        assert [row["text"].split()[0] for row in answer["results"]] == ["HERE"]
