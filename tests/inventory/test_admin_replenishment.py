"""What is to be ordered: the list, and batches made from it."""

from __future__ import annotations

import re

import pytest
from django.contrib.admin.models import LogEntry

from inventory.models import Batch, StockLevel
from inventory.operations import summarise_days
from products.operations import delete_product
from tests.back_office import filled_in, page_of, staff, text_of, told
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.days import moved, stocked, waits
from tests.inventory.promise_pages import in_days, words_of
from tests.inventory.replenishing import LIST, ORDER, SNOOZE, low, opened
from tests.inventory.stock_pages import STOCK_FORM, skus

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

# The list


def test_low_levels_are_listed_the_soonest_empty_first(admin_client):
    stocked(9, 400, sku="WELL")
    quick, slow = stocked(9, 60, sku="QUICK"), stocked(9, 20, sku="SLOW")
    moved(quick, 5, -56)  # 4 left, 2 a day
    moved(slow, 5, -14)  # 6 left, a half a day
    StockLevel.objects.update(reorder_point=10)
    low("UNSOLD", on_hand=1, safety_stock=2)
    summarise_days()
    page = admin_client.get(LIST)
    assert skus(page) == ["QUICK", "SLOW", "UNSOLD"]
    words = words_of(page)
    assert re.search(r"QUICK Main 4 0 10 56 2 days 62", words)
    assert re.search(r"SLOW Main 6 0 10 14 12 days 18", words)
    assert re.search(r"UNSOLD Main 1 0 10 safety stock 2 0 – 11", words)


def test_many_levels_are_in_the_order_of_their_cover_over_all_pages(admin_client, monkeypatch):
    monkeypatch.setattr("inventory.admin.replenishment.ReplenishmentAdmin.list_per_page", 2)
    for number in (3, 1, 4, 2, 5):
        level = stocked(9, 100 + number, sku=f"SKU-{number}")
        moved(level, 5, -100)
    StockLevel.objects.update(reorder_point=10)
    summarise_days()
    found = [skus(admin_client.get(f"{LIST}?p={page}")) for page in (1, 2, 3)]
    assert found == [["SKU-1", "SKU-2"], ["SKU-3", "SKU-4"], ["SKU-5"]]
    assert skus(admin_client.get(f"{LIST}?o=-4"))[0] == "SKU-5"


def test_what_is_deleted_archived_or_at_a_closed_location_is_not_ordered(admin_client):
    low("MUG")
    delete_product(product_id=low("DELETED").product_id)
    low("ARCHIVED", product=ProductFactory(sku="ARCHIVED", status="archived"))
    low("CLOSED", location=LocationFactory(code="closed", is_active=False))
    StockLevelFactory(product__sku="NO-POINT")
    assert skus(admin_client.get(LIST)) == ["MUG"]


def test_filters_and_search(admin_client):
    pens = CategoryFactory(name="Pens")
    outlet = LocationFactory(code="outlet")
    low("PEN", product=ProductFactory(sku="PEN", category=pens), location=outlet)
    mug = low("MUG", on_hand=2)
    order(admin_client, mug, 5)

    def listed(query):
        return skus(admin_client.get(f"{LIST}?{query}"))

    assert listed(f"location__id__exact={outlet.pk}") == ["PEN"]
    assert listed(f"product__category__id__exact={pens.pk}") == ["PEN"]
    assert listed("batch=none") == ["PEN"]
    assert listed("batch=coming") == ["MUG"]
    assert listed("q=mug") == ["MUG"]


def order(client, level, quantity, **entered):
    page = opened(client, "order", level)
    entered = {"reference": "PO-1", "eta": str(in_days(5)), f"quantity-{level.pk}": quantity} | (
        entered
    )
    return client.post(ORDER, filled_in(page, STOCK_FORM, **entered), follow=True)


def test_what_is_on_its_way_needs_no_order(admin_client):
    mug = low("MUG", on_hand=3)
    order(admin_client, mug, 8)
    assert "What is on its way lifts it above its reorder point" in text_of(admin_client.get(LIST))


def test_orders_that_wait_are_told_of(admin_client):
    waits(low("MUG", on_hand=0), 7)
    assert "18 7 for orders that wait" in words_of(admin_client.get(LIST))


def test_rows_lead_to_the_pages_of_their_levels(admin_client):
    mug = low("MUG")
    assert page_of(mug) in text_of(admin_client.get(LIST))
    answer = admin_client.get(f"{LIST}{mug.pk}/change/")
    assert (answer.status_code, answer["Location"]) == (302, page_of(mug))
    assert admin_client.get(f"{LIST}add/").status_code == 403


def test_the_list_takes_as_many_queries_for_many_rows_as_for_few(
    admin_client, django_assert_max_num_queries
):
    for number in range(4):
        waits(low(f"MUG-{number}"), 9)
    admin_client.get(LIST)
    with django_assert_max_num_queries(14) as few:
        assert len(skus(admin_client.get(LIST))) == 4
    for number in range(11):
        waits(low(f"PEN-{number}"), 9)
    with django_assert_max_num_queries(len(few)):
        assert len(skus(admin_client.get(LIST))) == 15


def test_an_empty_list_says_when_something_will_be_there(admin_client):
    assert "Nothing is low." in text_of(admin_client.get(LIST))


def test_who_may_see_stock_levels_sees_it_and_is_offered_what_he_may_do():
    level = low("MUG")
    reader = staff("view_stocklevel", name="reader")
    page = text_of(reader.get(LIST))
    assert LIST in text_of(reader.get("/admin/"))
    assert "bulk_order" not in page
    assert "bulk_snooze" not in page
    for address in (ORDER, SNOOZE):
        assert reader.post(address, {"chosen": f"{level.pk}=0"}).status_code == 403
    buyer = text_of(staff("view_stocklevel", "add_batch", name="buyer").get(LIST))
    assert "bulk_order" in buyer
    assert "bulk_snooze" not in buyer
    stranger = staff("view_batch", name="stranger")
    assert stranger.get(LIST).status_code == 403
    assert LIST not in text_of(stranger.get("/admin/"))


# Batches


def test_a_batch_for_each_row_is_made_at_once(admin_client):
    mug, pen, cup = low("MUG"), low("PEN"), low("CUP")
    page = opened(admin_client, "order", mug, pen, cup)
    form = filled_in(page, STOCK_FORM)
    assert form[f"quantity-{mug.pk}"] == "8"
    form |= {
        "reference": "PO-7",
        "eta": str(in_days(9)),
        f"quantity-{cup.pk}": "",
        f"quantity-{pen.pk}": "24",
        f"eta-{pen.pk}": str(in_days(3)),
    }
    answer = admin_client.post(ORDER, form, follow=True)
    batches = Batch.objects.order_by("reference").values_list(
        "reference", "product__sku", "location__code", "quantity", "eta", "status"
    )
    assert list(batches) == [
        ("PO-7-1", "MUG", "main", 8, in_days(9), "incoming"),
        ("PO-7-2", "PEN", "main", 24, in_days(3), "incoming"),
    ]
    assert "MUG at Main: 8 ordered, PO-7-1" in told(answer)[0]
    assert LogEntry.objects.filter(object_id=str(pen.pk)).count() == 1
    admin_client.post(ORDER, form, follow=True)
    assert Batch.objects.count() == 2  # sent twice


def test_one_batch_has_the_reference_itself(admin_client):
    order(admin_client, low("MUG"), 8)
    assert Batch.objects.get().reference == "PO-1"


@pytest.mark.parametrize(
    ("entered", "sentence"),
    [
        ({"quantity": "x"}, "Enter a whole number of units"),
        ({"quantity": "-1"}, "greater than or equal to 0"),
        ({"eta": ""}, "When is it expected?"),
        ({"own": "2020-01-01"}, "This day has passed."),
        ({"eta": "2020-01-01"}, "This day has passed."),
        ({"quantity": ""}, "Enter a quantity for at least one row."),
        ({"quantity": "0"}, "Enter a quantity for at least one row."),
        ({"reference": ""}, "This field is required."),
    ],
    ids=lambda value: str(value) if isinstance(value, dict) else "",
)
def test_what_is_no_order_is_refused_on_the_form(admin_client, entered, sentence):
    mug = low("MUG")
    names = {"quantity": f"quantity-{mug.pk}", "own": f"eta-{mug.pk}"}
    values = {names.get(name, name): value for name, value in entered.items()}
    answer = order(admin_client, mug, values.pop(names["quantity"], 8), **values)
    assert sentence in text_of(answer)
    assert not Batch.objects.exists()


def test_a_reference_that_is_taken_is_told_at_its_row_and_nothing_is_ordered(admin_client):
    order(admin_client, low("CUP"), 8, reference="PO-7-2")
    mug, pen = low("MUG"), low("PEN")
    page = opened(admin_client, "order", mug, pen)
    values = {"reference": "PO-7", "eta": str(in_days(3)), f"quantity-{pen.pk}": "33"}
    answer = admin_client.post(ORDER, filled_in(page, STOCK_FORM, **values))
    assert f'id="refused-{pen.pk}">The reference PO-7-2 is taken.' in text_of(answer)
    assert f"refused-{mug.pk}" not in text_of(answer)
    assert Batch.objects.count() == 1
    again = filled_in(answer, STOCK_FORM)
    assert again[f"quantity-{pen.pk}"] == "33"
    admin_client.post(ORDER, again | {"reference": "PO-8"})
    assert Batch.objects.filter(reference__startswith="PO-8").count() == 2


def test_a_product_that_was_deleted_meanwhile_is_left_out_of_the_form(admin_client):
    mug, pen = low("MUG"), low("PEN")
    page = opened(admin_client, "order", mug, pen)
    delete_product(product_id=pen.product_id)
    values = {"reference": "PO-7", "eta": str(in_days(3))}
    answer = admin_client.post(ORDER, filled_in(page, STOCK_FORM, **values))
    assert "left out now" in text_of(answer)
    assert not Batch.objects.exists()
    admin_client.post(ORDER, filled_in(answer, STOCK_FORM))
    assert Batch.objects.get().product_id == mug.product_id


def test_no_more_are_ordered_at_once_than_may_be_locked_together(admin_client, monkeypatch):
    monkeypatch.setattr("inventory.admin.replenishment_forms.OrderForm.most", 1)
    answer = opened(admin_client, "order", low("MUG"), low("PEN"))
    assert "Select at most 1 at once" in str(told(admin_client.get(answer["Location"])))
