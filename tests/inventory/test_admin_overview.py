"""The page that staff start from: each figure is that of the list which it leads to."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from html import unescape

import pytest

from common.database import database_now
from common.events.models import Event
from common.events.sequencing import number_events
from common.webhooks.models import WebhookDelivery
from inventory.models import Reservation, StockDay, StockLevel
from inventory.operations import adjust_stock, note_check, summarise_days
from inventory.queries.turnover import keep_turnover, kept_turnover, turnover
from inventory.rules import Change
from inventory.tasks import summarise_days as task
from inventory.tasks import verify_ledger
from products.operations import delete_product
from tests.back_office import staff, text_of
from tests.common.webhooks.rows import an_endpoint, happened
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.days import day, moved, stocked, waits
from tests.inventory.promise_pages import held, in_days, ordered, past_its_time, words_of

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

OVERVIEW = "/admin/"
TILE = re.compile(
    r'<a class="so-tile" href="([^"]+)">.*?so-tile-title">([^<]+)<.*?so-tile-count[^>]*>([^<]+)<',
    re.DOTALL,
)


def tiles(client):
    """The address and the figure of each tile, by its title."""
    found = TILE.findall(text_of(client.get(OVERVIEW)))
    return {title: (unescape(href), count) for href, title, count in found}


def behind(client, title):
    """The figure of a tile, and how many rows the list shows that it leads to."""
    href, count = tiles(client)[title]
    page = client.get(href)
    text_of(page)
    return count, len(page.context["cl"].result_list)


def mug(on_hand=5, **columns) -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=on_hand, **columns)


# Every figure leads to its list


def test_out_of_stock_low_and_to_order(admin_client):
    assert behind(admin_client, "Out of stock") == ("0", 0)
    StockLevelFactory()
    StockLevelFactory(on_hand=2, reserved=2, reorder_point=1)
    StockLevelFactory(on_hand=3, reorder_point=3)
    StockLevelFactory(on_hand=3, reorder_point=3, snoozed_until=in_days(2))
    StockLevelFactory(on_hand=9, reorder_point=3)
    delete_product(product_id=StockLevelFactory().product_id)
    assert behind(admin_client, "Out of stock") == ("2", 2)
    assert behind(admin_client, "Low stock") == ("3", 3)
    assert behind(admin_client, "To order") == ("2", 2)


def test_late_batches(admin_client):
    mug()
    ordered("PO-1", 1, days=-1)
    ordered("PO-2", 1, days=-2)
    ordered("PO-3", 1)
    assert behind(admin_client, "Late batches") == ("2", 2)


def test_orders_that_wait_for_supply(admin_client):
    level = mug(on_hand=0)
    waits(level, 3)
    waits(level, 4)
    assert behind(admin_client, "Orders that wait for supply") == ("2", 2)


def test_holds_that_expire_within_the_hour(admin_client):
    mug(on_hand=20)
    soon, later = held("SOON", 1), held("LATER", 1)
    past_its_time(held("OVERDUE", 1))
    in_hours(soon, 0.5)
    in_hours(later, 2)
    assert behind(admin_client, "Holds that expire within the hour") == ("1", 1)
    href, _ = tiles(admin_client)["Holds that expire within the hour"]
    assert "SOON" in text_of(admin_client.get(href))


def in_hours(reservation, hours):
    rows = Reservation.objects.filter(pk=reservation.pk)
    rows.update(expires_at=database_now() + timedelta(hours=hours))


def test_deliveries_given_up_and_webhooks_switched_off(admin_client):
    happened("one", "two", "three")
    events = list(Event.objects.all()[:3])
    for number, (is_active, deleted_at) in enumerate(
        [(True, None), (False, None), (False, database_now())]
    ):
        url = f"https://hook.example/{number}"
        endpoint = an_endpoint(url, is_active=is_active, deleted_at=deleted_at)
        for event, status in zip(events, ("failed", "pending", "failed"), strict=True):
            WebhookDelivery.objects.create(
                endpoint=endpoint,
                event=event,
                status=status,
                next_attempt_at=database_now() if status == "pending" else None,
            )
    assert behind(admin_client, "Deliveries given up") == ("4", 4)
    assert behind(admin_client, "Webhooks switched off") == ("1", 1)


def test_ledger_differences_of_the_last_check(admin_client):
    assert behind(admin_client, "Ledger differences") == ("0", 0)
    StockLevel.objects.filter(pk=mug().pk).update(on_hand=9)
    StockLevel.objects.filter(pk=StockLevelFactory(on_hand=1).pk).update(on_hand=9)
    verify_ledger()
    number_events()
    assert behind(admin_client, "Ledger differences") == ("2", 1)
    note_check(differences=0)
    assert tiles(admin_client)["Ledger differences"][1] == "0"


def test_movements_of_today(admin_client):
    level = stocked(1, 20)
    for _ in range(3):
        adjust_stock(changes=[Change(level.product_id, delta=-1)])
    assert behind(admin_client, "Movements today") == ("3", 3)


def test_no_figure_counts_further_than_can_be_told(admin_client, monkeypatch):
    monkeypatch.setattr("inventory.admin.overview_figures.MOST_COUNTED", 2)
    StockLevelFactory.create_batch(3)
    assert tiles(admin_client)["Out of stock"][1] == "2+"


def test_nobody_sees_a_figure_of_what_he_may_not_see():
    stocked(2, 9, sku="SECRET")
    summarise_days()
    buyer = staff("view_batch", name="buyer")
    assert tiles(buyer).keys() == {"Late batches"}
    assert "SECRET" not in text_of(buyer.get(OVERVIEW))
    assert "so-chart" not in text_of(buyer.get(OVERVIEW))
    clerk = staff("view_stockmovement", name="clerk")
    assert tiles(clerk).keys() == {"Movements today"}
    assert tiles(staff("change_reservation", name="shop")).keys() == {
        "Orders that wait for supply",
        "Holds that expire within the hour",
    }
    assert tiles(staff(name="nobody")) == {}


# The charts


@pytest.fixture
def month() -> StockLevel:
    """Mugs and pens that came, moved and were sold."""
    mugs = stocked(20, 100, sku="MUG", name="Blue mug")
    pens = stocked(19, 50, sku="PEN", name="Pen")
    stocked(30, 7, sku="OLD")
    moved(mugs, 9, -30, "sale", minutes=1)
    moved(mugs, 9, 4, "return", minutes=2)
    moved(pens, 9, -12, "sale")
    moved(pens, 3, -2, "damage")
    summarise_days()
    return mugs


def test_the_last_28_days_by_reason_by_day_and_by_product(month):
    found = turnover()
    assert (found.first, found.last) == (day(28), day(1))
    reasons = {one.reason: (one.came, one.went, one.movements) for one in found.reasons}
    assert reasons == {
        "receipt": (150, 0, 2),
        "sale": (0, -42, 2),
        "return": (4, 0, 1),
        "damage": (0, -2, 1),
    }
    days = {one.day: (one.came, one.went) for one in found.days}
    assert len(days) == 28
    assert {when: units for when, units in days.items() if any(units)} == {
        day(20): (100, 0),
        day(19): (50, 0),
        day(9): (4, -42),
        day(3): (0, -2),
    }
    assert [(one.sku, one.units) for one in found.movers] == [("MUG", 26), ("PEN", 12)]


def test_transfers_neither_come_nor_go():
    from inventory.operations import transfer_stock
    from tests.inventory.days import noon

    level = stocked(9, 10)
    LocationFactory(code="outlet")
    transfer_stock(
        product_id=level.product_id,
        from_location="main",
        to_location="outlet",
        quantity=4,
        at=noon(5),
    )
    summarise_days()
    assert [(one.came, one.went) for one in turnover().days if one.day == day(5)] == [(0, 0)]


@pytest.mark.usefixtures("month")
def test_the_page_draws_them_and_says_the_same_in_tables(admin_client):
    page = text_of(admin_client.get(OVERVIEW))
    drawn = [json.loads(unescape(found)) for found in re.findall(r'data-value="([^"]+)"', page)]
    assert [len(one["labels"]) for one in drawn] == [28, 4]
    assert drawn[0]["datasets"][1]["data"][-9] == -42
    words = words_of(admin_client.get(OVERVIEW))
    assert "Sale 2 0 42" in words
    assert "Blue mug MUG 26" in words


@pytest.mark.usefixtures("month")
def test_days_reasons_and_products_lead_to_what_is_behind_them(admin_client, month):
    page = text_of(admin_client.get(OVERVIEW))
    (href,) = re.findall(rf'href="([^"]*created_at_from={day(9)}[^"]*)"', page)
    listed = admin_client.get(unescape(href)).context["cl"].result_list
    assert sorted(row.delta for row in listed) == [-30, -12, 4]
    assert f"/admin/products/product/{month.product_id}/change/" in page
    (href,) = re.findall(r'href="([^"]*reason__exact=receipt[^"]*)"', page)
    listed = admin_client.get(unescape(href)).context["cl"].result_list
    assert sorted(row.delta for row in listed) == [50, 100]


@pytest.mark.usefixtures("month")
def test_who_may_not_see_products_is_not_told_what_sells():
    clerk = text_of(staff("view_stockmovement").get(OVERVIEW))
    assert "so-chart" in clerk
    assert "so-movers" not in clerk


def test_without_a_summary_there_are_no_charts(admin_client):
    mug()
    assert "so-chart" not in text_of(admin_client.get(OVERVIEW))


@pytest.mark.usefixtures("month")
def test_they_are_read_once_for_everybody_until_the_summary_changes(django_assert_num_queries):
    found = keep_turnover()
    with django_assert_num_queries(0):
        assert kept_turnover() == found
    StockDay.objects.filter(reason="damage").delete()
    summarise_days(since=day(28))
    assert kept_turnover() == turnover()
    task()
    with django_assert_num_queries(0):
        assert kept_turnover() == found


@pytest.mark.usefixtures("month")
def test_without_redis_they_are_read_every_time(monkeypatch):
    from common.redis import RedisUnavailable

    def nobody_answers(_commands):
        raise RedisUnavailable

    found = kept_turnover()
    monkeypatch.setattr("common.redis.pipelined", nobody_answers)
    assert kept_turnover() == found


# Its price


@pytest.mark.usefixtures("month")
def test_the_page_takes_as_many_queries_for_much_as_for_little(
    admin_client, django_assert_max_num_queries
):
    admin_client.get(OVERVIEW)
    with django_assert_max_num_queries(18) as little:
        admin_client.get(OVERVIEW)
    for number in range(12):
        waits(StockLevelFactory(reorder_point=2), number + 1)
    with django_assert_max_num_queries(len(little)):
        admin_client.get(OVERVIEW)
