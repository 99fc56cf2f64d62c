"""Products in the back office: the list and a product's page."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from django.test import Client

from common.backoffice import lists
from inventory.models import Location
from products import operations, searching
from products.admin import ProductAdmin
from tests.back_office import page_of, staff, text_of, told
from tests.factories import (
    CategoryFactory,
    LocationFactory,
    ProductFactory,
    StockLevelFactory,
)

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

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
    mug = ProductFactory(
        sku="MUG",
        name="Mug",
        price=Decimal("12.50"),
        barcode="4006381333931",
        category=CategoryFactory(),
    )
    StockLevelFactory(product=mug, on_hand=7, reserved=3)
    page = text_of(admin_client.get(LIST))
    for figure in ("MUG", "Mug", "4006381333931", "12.50", mug.category.name, "Active"):
        assert figure in page
    for column, number in (("on_hand", 7), ("reserved", 3), ("available", 4)):
        assert re.search(rf"field-{column}[^>]*><span[^>]*>{number}<", page)


def test_what_is_low_or_out_is_coloured_and_says_why(admin_client):
    StockLevelFactory(product__sku="GONE", on_hand=2, reserved=2)
    low = StockLevelFactory(product__sku="LOW", on_hand=3, reorder_point=3)
    StockLevelFactory(product=low.product, location=LocationFactory(), on_hand=9)
    ProductFactory(sku="NEW")
    page = text_of(admin_client.get(LIST))
    assert 'so-out" title="Out of stock: 2 on hand, 2 of them reserved">0<' in page
    why = "Low at one location: 3 available, the reorder point is 3"
    assert f'so-low" title="{why}">12<' in page
    assert "Never stocked" in page


def test_the_first_image_is_shown_without_telling_its_host_who_looks(admin_client):
    ProductFactory(images=["https://images.example/a.jpg", "https://images.example/b.jpg"])
    (picture,) = re.findall(r"<img[^>]*images\.example[^>]*>", text_of(admin_client.get(LIST)))
    assert 'src="https://images.example/a.jpg"' in picture
    assert 'referrerpolicy="no-referrer"' in picture
    assert 'loading="lazy"' in picture


@pytest.mark.parametrize("query", ["", "?stock=in&status__exact=active", "?q=mug"])
def test_the_list_takes_as_many_queries_for_many_products_as_for_few(
    admin_client, django_assert_max_num_queries, query
):
    def add(count):
        for _ in range(count):
            category = CategoryFactory()
            StockLevelFactory(on_hand=1, product__name="Mug", product__category=category)

    add(2)
    admin_client.get(LIST)
    # session, user, saved views, locations and categories to filter by, two of the search, count,
    # products, inventories
    with django_assert_max_num_queries(10) as few:
        assert len(skus(admin_client.get(LIST + query))) == 2
    add(10)
    with django_assert_max_num_queries(len(few)):
        assert len(skus(admin_client.get(LIST + query))) == 12


def test_rows_are_counted_only_so_far(admin_client, monkeypatch):
    monkeypatch.setattr(lists, "MOST_COUNTED", 3)
    ProductFactory.create_batch(3)
    assert "and more" not in text_of(admin_client.get(LIST))
    ProductFactory()
    page = admin_client.get(LIST)
    assert "and more" in text_of(page)
    assert page.context["cl"].result_count == 3


def test_a_heading_counts_as_the_foot_of_the_list_does(admin_client, monkeypatch):
    ProductFactory.create_batch(3, name="Mug")
    ProductFactory(name="Cup", sku="CUP")

    def headings(query: str) -> list[str]:
        page = text_of(admin_client.get(LIST, {"q": query}))
        return re.findall(r">\s*(\d+ [a-z ]+?)\s*\(<a href=\"\?\">Show all", page)

    assert headings("mug") == ["3 results"]
    assert headings("nothing") == ["0 results"]
    assert headings("") == []
    for limit in ("MOST_RANKED", "RANKED_OF_MANY"):  # one or the other, by the statistics
        monkeypatch.setattr(searching, limit, 2)
    assert headings("mug") == ["2 and more"]


def test_pages_that_are_left_out_between_others_are_no_link(admin_client, monkeypatch):
    monkeypatch.setattr(ProductAdmin, "list_per_page", 1)
    ProductFactory.create_batch(15)
    page = text_of(admin_client.get(LIST))
    pages = [link for link in re.findall(r'href="\?p=([^"&]+)"', page) if link != "2"]
    assert all(link.isdecimal() for link in pages)
    assert pages[-1] == "15"
    assert "…" in page


@pytest.mark.parametrize("path", [LIST, "/admin/inventory/stocklevel/"])
def test_a_search_that_leaves_products_out_says_that_there_are_more(
    admin_client, monkeypatch, path
):
    for limit in ("MOST_RANKED", "RANKED_OF_MANY"):  # one or the other, by the statistics
        monkeypatch.setattr(searching, limit, 3)
    for number in range(3):
        StockLevelFactory(product__sku=f"X{number}", product__name="Mug")
    assert "and more" not in text_of(admin_client.get(path, {"q": "mug"}))
    StockLevelFactory(product__sku="X3", product__name="Mug")
    page = admin_client.get(path, {"q": "mug"})
    assert "and more" in text_of(page)
    assert page.context["cl"].result_count == 3
    assert "and more" not in text_of(admin_client.get(path))


@pytest.mark.parametrize(("page", "shown"), [("30", 3), ("0", 1), ("-1", 1), ("x", 1)])
def test_a_page_that_is_not_there_is_the_nearest_one_of_the_same_search(
    admin_client, monkeypatch, page, shown
):
    monkeypatch.setattr(ProductAdmin, "list_per_page", 2)
    ProductFactory.create_batch(5, name="Green mug")
    ProductFactory(name="Cup")
    answer = admin_client.get(f"{LIST}?q=mug&p={page}")
    assert len(skus(answer)) == (1 if shown == 3 else 2)
    assert (answer.context["cl"].page_num, answer.context["cl"].query) == (shown, "mug")


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
        ("400638133393", ["PEN"]),
        ("ball pen", ["PEN"]),
        ("creme", ["CUP"]),
        ("cup of", ["CUP"]),
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


@pytest.mark.parametrize("scanned", ["4006381333931", "PEN", "  pen "])
def test_who_scans_a_code_is_led_to_the_product(admin_client, scanned):
    pen = ProductFactory(sku="PEN", barcode="4006381333931")
    ProductFactory(sku="CUP")
    answer = admin_client.get(LIST, {"q": scanned})
    assert (answer.status_code, answer.headers.get("Location")) == (302, page_of(pen))


def test_a_code_leads_to_its_product_also_where_others_have_its_words(admin_client):
    blue = ProductFactory(sku="MUG-BLUE")
    ProductFactory(sku="CUP", name="A mug", description="Blue.")
    assert admin_client.get(LIST, {"q": "mug-blue"}).headers.get("Location") == page_of(blue)
    assert skus(admin_client.get(LIST, {"q": "mug blue"})) == ["MUG-BLUE", "CUP"]


def test_a_pop_up_that_picks_a_product_stays_a_list(admin_client):
    ProductFactory(sku="PEN")
    assert skus(admin_client.get(LIST, {"q": "PEN", "_popup": "1"})) == ["PEN"]


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
    assert filtered("stock=out") == ["OUT"]  # what was never stocked has not run out
    assert filtered("status__exact=archived") == ["OUT"]
    assert filtered(f"category__id__exact={cups.pk}") == ["PLENTY"]


def test_deleted_products_are_out_of_sight_until_asked_for(admin_client):
    living, gone = ProductFactory(sku="HERE"), ProductFactory(sku="GONE", name="Gone")
    operations.delete_product(product_id=gone.pk)
    assert skus(admin_client.get(LIST)) == [living.sku]
    assert skus(admin_client.get(f"{LIST}?q=gone")) == []
    assert skus(admin_client.get(f"{LIST}?deleted=yes")) == [gone.sku]
    assert admin_client.get(f"{LIST}?deleted=yes&q=gone")["Location"] == page_of(gone)
    assert skus(admin_client.get(f"{LIST}?deleted=yes&q=here")) == []


def test_a_product_that_is_not_there_leads_back_to_the_list(admin_client):
    answer = admin_client.get(f"{LIST}0190a0a0-0000-7000-8000-000000000000/change/", follow=True)
    (sentence,) = told(answer)
    assert sentence.startswith("There is no such product.")
    assert answer.request["PATH_INFO"] == LIST


# A product's page


def test_the_page_shows_stock_and_leads_to_changing_it(admin_client):
    level = StockLevelFactory(on_hand=7, reserved=2, reorder_point=6)
    outlet = LocationFactory(code="outlet")
    StockLevelFactory(product=level.product, location=outlet, on_hand=40)
    page = text_of(admin_client.get(page_of(level.product)))
    shown = re.findall(r'data-title="(.*?)">(?:<span[^>]*>)?(\d+)<', page)
    assert shown == [
        *[("On hand", "7"), ("Reserved", "2"), ("Available", "5")],
        *[("On hand", "40"), ("Reserved", "0"), ("Available", "40")],
        *[("On hand", "47"), ("Reserved", "2"), ("Available", "45")],
    ]
    for action in ("adjust", "count", "transfer"):
        assert f"/admin/inventory/stocklevel/{level.pk}/{action}/?back=product" in page


def test_locations_stand_in_their_order_and_the_default_before_its_equals(admin_client):
    level = StockLevelFactory(location__code="zulu")
    Location.objects.filter(code="zulu").update(priority=1)
    for code in ("main", "attic", "bay"):
        StockLevelFactory(product=level.product, location__code=code)
    page = text_of(admin_client.get(page_of(level.product)))
    names = re.findall(r'<th scope="row"><a[^>]*>(.*?)</a>', page)
    assert names == ["Zulu", "Main", "Attic", "Bay"]


def test_the_demos_pictures_are_found_by_whatever_name_the_server_is_called(admin_client):
    ours = "/static/products/demo/stoneware-mug.svg"
    ProductFactory(images=[f"http://127.0.0.1:8000{ours}"])
    assert f'<img src="{ours}"' in text_of(admin_client.get(LIST))


def test_the_page_takes_as_many_queries_at_many_locations_as_at_one(
    admin_client, django_assert_max_num_queries
):
    level = StockLevelFactory(on_hand=1)
    admin_client.get(page_of(level.product))
    with django_assert_max_num_queries(10) as few:
        admin_client.get(page_of(level.product))
    for _ in range(5):
        StockLevelFactory(product=level.product, location=LocationFactory(), on_hand=1)
    with django_assert_max_num_queries(len(few)):
        admin_client.get(page_of(level.product))


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
