"""The page that adds a product's figures up, and the timeline of its movements."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils.timezone import localdate

from inventory import operations
from inventory.admin import timeline
from inventory.models import StockLevel, StockMovement
from inventory.rules import Change
from tests.back_office import page_of, staff, text_of
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory import days
from tests.inventory.promise_pages import held, ordered, past_its_time, words_of
from tests.inventory.stock_pages import MOVEMENTS, moved

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture
def mug() -> StockLevel:
    LocationFactory(code="outlet", name="Outlet", priority=200)
    return StockLevelFactory(
        product__sku="MUG",
        product__name="Mug",
        location__name="Main",
        on_hand=10,
        reorder_point=4,
    )


def why(level: StockLevel, query: str = "") -> str:
    address = reverse("admin:inventory_stockmovement_explain", args=[level.product_id])
    return f"{address}{query}"


def receipt(page) -> dict[str, str]:
    text_of(page)
    return {str(line["title"]): line["units"] for line in page.context["receipt"]}


def chart(page) -> dict:
    return json.loads(page.context["chart"]["data"])


def exported(client, query="") -> list[dict[str, str]]:
    answer = client.get(f"{MOVEMENTS}export/{query}")
    assert answer.status_code == 200
    assert answer.streaming
    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


# The sums


def test_the_page_adds_the_figures_up(admin_client, mug):
    moved(mug, -3, 5)
    held("ORDER-1", 2)
    ordered("PO-1", 20)
    page = admin_client.get(why(mug))
    assert receipt(page) == {"Opening stock": "+10", "Receipt": "+5", "Sale": "−3"}
    words = words_of(page)
    assert "Why is it 12?" in words
    for told in ("On hand 12", "Reserved 1 hold −2", "Available 10", "On its way 1 batch 20"):
        assert told in words
    assert "ORDER-1" in words
    assert "PO-1" in words


def test_each_line_leads_to_what_is_behind_it(admin_client, mug):
    moved(mug, -3, -1, 5)
    hold, batch = held("ORDER-1", 2), ordered("PO-1", 20)
    page = admin_client.get(why(mug))
    for line in page.context["receipt"]:
        rows = admin_client.get(line["href"]).context["cl"].result_list
        assert rows
        assert {row.product_id for row in rows} == {mug.product_id}
        if line["title"] == "Sale":
            assert [row.delta for row in rows] == [-1, -3]
    assert page_of(hold) in text_of(page)
    assert page_of(batch) in text_of(page)


def test_holds_past_their_time_are_told(admin_client, mug):
    past_its_time(held("ORDER-1", 2))
    words = words_of(admin_client.get(why(mug)))
    assert "Overdue" in words
    assert "2 reserved units are held past their time" in words


def test_one_location_can_be_looked_at_alone(admin_client, mug):
    operations.transfer_stock(sku="MUG", from_location="main", to_location="outlet", quantity=2)
    whole = admin_client.get(why(mug))
    assert receipt(whole) == {"Opening stock": "+10", "Transfer In": "+2", "Transfer Out": "−2"}
    assert [place["level"].location for place in whole.context["places"]] == ["main", "outlet"]
    outlet = admin_client.get(why(mug, "?location=outlet"))
    assert receipt(outlet) == {"Transfer In": "+2"}
    assert admin_client.get(why(mug, "?location=nowhere")).status_code == 404


def test_who_may_not_see_orders_and_batches_sees_their_sums_alone(mug):
    held("ORDER-1", 2)
    ordered("PO-1", 20)
    words = words_of(staff("view_stocklevel", "view_stockmovement").get(why(mug)))
    assert "Reserved 1 hold −2" in words
    assert "ORDER-1" not in words
    assert "PO-1" not in words


@pytest.mark.parametrize("permission", ["view_stocklevel", "view_stockmovement"])
def test_the_page_takes_both_permissions(mug, permission):
    clerk = staff(permission, "view_product")
    assert clerk.get(why(mug)).status_code == 403
    assert why(mug) not in text_of(clerk.get(page_of(mug.product)))


def test_pages_of_products_and_levels_lead_to_it(admin_client, mug):
    operations.transfer_stock(sku="MUG", from_location="main", to_location="outlet", quantity=2)
    product = text_of(admin_client.get(page_of(mug.product)))
    level = text_of(admin_client.get(page_of(mug)))
    assert f'href="{why(mug)}"' in product
    assert why(mug, "?location=outlet") in product
    assert why(mug, "?location=main") in level
    assert "Why is it 8?" in words_of(admin_client.get(page_of(mug)))


def test_the_page_takes_as_many_queries_for_many_movements_as_for_few(admin_client, mug):
    def counted():
        with CaptureQueriesContext(connection) as sent:
            text_of(admin_client.get(why(mug)))
        return len(sent)

    held("ORDER-0", 1)
    ordered("PO-0", 1)
    counted()
    few = counted()
    for number in range(1, 4):
        moved(mug, 1)
        held(f"ORDER-{number}", 1)
        ordered(f"PO-{number}", 1)
    assert counted() == few


# Then, and since


def test_stock_on_a_day_is_that_of_its_end(admin_client):
    level = days.stocked(5, 10, sku="MUG")
    days.moved(level, 3, -3)
    days.moved(level, 1, 2)
    page = admin_client.get(why(level, f"?on={days.day(3)}"))
    assert receipt(page) == {"Opening stock": "+10", "Sale": "−3"}
    assert "not what was reserved" in words_of(page)
    link = page.context["receipt"][1]["href"]
    assert [row.delta for row in admin_client.get(link).context["cl"].result_list] == [-3]
    earlier = admin_client.get(why(level, f"?on={days.day(4)}"))
    assert receipt(earlier) == {"Opening stock": "+10"}


@pytest.mark.parametrize("on", ["yesterday", "tomorrow", "0001-01-01", "9999-12-31", "2026-13-01"])
def test_a_day_that_cannot_be_asked_about_is_a_sentence_or_now(admin_client, mug, on):
    if on == "tomorrow":
        on = str(localdate() + timedelta(days=1))
    assert receipt(admin_client.get(why(mug, f"?on={on}"))) == {"Opening stock": "+10"}


def test_the_chart_shows_each_day_with_the_reorder_point_and_a_table(admin_client):
    level = days.stocked(5, 10, sku="MUG")
    days.moved(level, 3, -3)
    StockLevel.objects.filter(pk=level.pk).update(reorder_point=4)
    page = admin_client.get(why(level))
    drawn = chart(page)
    units, point = drawn["datasets"]
    assert len(drawn["labels"]) == len(units["data"]) == 28
    assert units["data"][-7:] == [0, 10, 10, 7, 7, 7, 7]
    assert set(point["data"]) == {4}
    assert "from 0 to 7" in page.context["chart"]["said"]
    assert [count for _day, count in page.context["chart"]["rows"]] == units["data"][::-1]
    assert len(chart(admin_client.get(why(level, "?days=365")))["labels"]) == 365
    assert len(chart(admin_client.get(why(level, "?days=1000000")))["labels"]) == 28


def test_a_chart_of_very_many_levels_has_fewer_points(admin_client, mug, monkeypatch):
    monkeypatch.setattr("inventory.admin.explaining.MOST_POINTS", 14)
    drawn = chart(admin_client.get(why(mug)))
    assert len(drawn["labels"]) == 10
    assert drawn["datasets"][0]["data"][-1] == 10


# The timeline


def listed(client, query) -> list[int]:
    page = client.get(f"{MOVEMENTS}?{query}")
    text_of(page)
    return [row.delta for row in page.context["cl"].result_list]


def test_the_timeline_is_narrowed_by_reason_actor_reference_and_dates(admin_client):
    level = days.stocked(5, 10, sku="MUG")
    days.moved(level, 3, -3)
    moved(level, -1, reference="ORDER-1")
    one = f"product__id__exact={level.product_id}"
    assert listed(admin_client, one) == [-1, -3, 10]
    assert listed(admin_client, f"{one}&reason__exact=sale") == [-1, -3]
    assert listed(admin_client, f"{one}&reference=ORDER-1") == [-1]
    assert listed(admin_client, f"{one}&actor=a test") == [-3, 10]
    assert listed(admin_client, f"{one}&created_at_to={days.day(4)}") == [10]
    assert listed(admin_client, f"created_at_from={days.day(3)}") == [-1, -3]
    assert listed(admin_client, f"stock_level__id__exact={level.pk}") == [-1, -3, 10]


def test_a_filter_keeps_what_else_is_chosen(admin_client, mug):
    one = f"product__id__exact={mug.product_id}"
    page = text_of(admin_client.get(f"{MOVEMENTS}?{one}&actor=ada&q=mug"))
    form = next(
        found for found in re.findall(r"<form.*?</form>", page, re.S) if "filter-actor" in found
    )
    assert f'name="product__id__exact" value="{mug.product_id}"' in form
    assert 'value="ada"' in form
    assert "filter-actor" not in text_of(admin_client.get(MOVEMENTS))


def test_references_lead_to_the_order_or_batch_that_they_name(admin_client, mug):
    batch = ordered("PO-1", 4)
    operations.receive_batch(batch_id=batch.pk)
    hold = held("ORDER-1", 2)
    operations.ship(reservation_id=hold.pk)
    moved(mug, -1, reference="TILL-1")
    page = text_of(admin_client.get(MOVEMENTS))
    assert f'href="{page_of(batch)}">PO-1<' in page
    assert f'href="{page_of(hold)}">ORDER-1<' in page
    assert "TILL-1" in page
    clerk = text_of(staff("view_stockmovement").get(MOVEMENTS))
    assert page_of(batch) not in clerk
    assert page_of(hold) not in clerk


def test_references_of_a_page_are_looked_up_together(admin_client, mug):
    def counted():
        with CaptureQueriesContext(connection) as sent:
            text_of(admin_client.get(MOVEMENTS))
        return len(sent)

    moved(mug, -1, reference="A")
    counted()
    few = counted()
    for reference in "BCDE":
        moved(mug, -1, reference=reference)
    assert counted() == few


# The file


def test_the_timeline_can_be_taken_out(admin_client, mug):
    moved(mug, -3, reference="ORDER-1")
    first, second = exported(admin_client)
    assert (first["sku"], first["delta"], first["reason"]) == ("MUG", "10", "receipt")
    assert (second["delta"], second["on_hand_after"]) == ("-3", "7")
    assert second["reference"] == "ORDER-1"
    assert second["created_at"].endswith("+00:00")
    assert [row["delta"] for row in exported(admin_client, "?reason__exact=sale")] == ["-3"]
    assert "export/?reason__exact=sale" in text_of(
        admin_client.get(f"{MOVEMENTS}?reason__exact=sale")
    )


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\tx"])
def test_no_cell_of_text_is_a_formula_and_numbers_are_left_alone(admin_client, mug, text):
    change = Change(product_id=mug.product_id, delta=-3, reference=text)
    operations.adjust_stock(changes=[change])
    (row,) = exported(admin_client, "?reason__exact=sale")
    assert row["reference"] == f"'{text}"
    assert row["delta"] == "-3"


def test_a_long_file_is_read_page_by_page(admin_client, mug, monkeypatch):
    monkeypatch.setattr(timeline, "AT_ONCE", 2)
    moved(mug, 1, 2, 3, 4, 5)
    answer = admin_client.get(f"{MOVEMENTS}export/")
    with CaptureQueriesContext(connection) as sent:
        rows = list(answer.streaming_content)
    assert len(sent) == 4  # three full pages, and one that is empty
    assert all("LIMIT 2" in query["sql"] for query in sent.captured_queries)
    assert b"".join(rows).count(b"MUG") == 6


def test_the_file_takes_the_permission(mug):
    assert staff("view_stocklevel").get(f"{MOVEMENTS}export/").status_code == 403
    assert exported(staff("view_stockmovement", name="other"))


def test_a_file_of_a_senseless_list_leads_back_to_the_list(admin_client, mug):
    answer = admin_client.get(f"{MOVEMENTS}export/?location__id__exact=nonsense")
    assert (answer.status_code, answer["Location"]) == (302, MOVEMENTS)


def test_nothing_is_written_by_looking(admin_client, mug):
    before = StockMovement.objects.count()
    admin_client.get(why(mug))
    exported(admin_client)
    assert StockMovement.objects.count() == before
