"""Low, out and back: told once, when the line is crossed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.events.models import Event
from inventory import rules
from inventory.models import StockLevel
from inventory.operations import (
    adjust_stock,
    open_inventory,
    release,
    set_reorder_settings,
    transfer_stock,
)
from inventory.rules import Change
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promise_pages import held

units = st.integers(0, 200)
points = st.none() | st.integers(0, 100)
alerts = st.sampled_from(["", "low", "out"])


@given(alerts, units, points)
def test_none_is_out_and_the_reorder_point_is_low(known, available, point):
    alert = rules.alert(known, available, point)
    assert (alert == "out") == (available == 0)
    if available and point is not None and available <= point:
        assert alert == "low"
    if point is None or available > point + max(1, point // 10):
        assert alert in {"", "out"}


@given(alerts, units, points)
def test_the_same_figures_are_no_news(known, available, point):
    alert = rules.alert(known, available, point)
    assert rules.alert(alert, available, point) == alert


@pytest.mark.parametrize(("point", "back_at"), [(0, 2), (5, 7), (20, 23), (100, 111)])
def test_an_open_alert_ends_a_tenth_above_the_line(point, back_at):
    for known in ("low", "out"):
        assert rules.alert(known, back_at - 1, point) == "low"
        assert rules.alert(known, back_at, point) == ""
    assert rules.alert("", point + 1, point) == ""


@pytest.fixture
def mug(db) -> StockLevel:
    """Ten on hand, of which five or fewer are low."""
    level = StockLevelFactory(product__sku="MUG", on_hand=10, reorder_point=5)
    Event.objects.all().delete()
    return level


def move(level: StockLevel, *deltas: int) -> None:
    for delta in deltas:
        adjust_stock(changes=[Change(level.product_id, delta=delta)])


def told() -> list[tuple[str, int]]:
    """The alerts so far, with what was available."""
    types = ("stock.low", "stock.out", "stock.back")
    events = Event.objects.filter(type__in=types).order_by("position")
    return [(event.type.removeprefix("stock."), event.data["available"]) for event in events]


def test_crossing_the_line_is_told_once(mug):
    move(mug, -4, -1, -1, -1)
    assert told() == [("low", 5)]
    (event,) = Event.objects.filter(type="stock.low")
    assert (event.subject_type, event.subject_id) == ("inventory", str(mug.product_id))
    assert event.data == {
        "sku": "MUG",
        "location": mug.location.code,
        "available": 5,
        "on_hand": 5,
        "reorder_point": 5,
    }


def test_up_and_down_around_the_line_is_no_storm(mug):
    move(mug, -5, +1, -1, +1, -1, +1)
    assert told() == [("low", 5)]
    move(mug, +1)
    assert told() == [("low", 5), ("back", 7)]


def test_the_last_one_and_more(mug):
    move(mug, -10, +3, +20)
    assert told() == [("out", 0), ("low", 3), ("back", 23)]


def test_where_there_is_no_line_it_is_out_and_back(mug):
    StockLevel.objects.update(reorder_point=None)
    move(mug, -9, -1, +1)
    assert told() == [("out", 0), ("back", 1)]


def test_what_is_promised_is_not_available(mug):
    hold = held("SO-1", 6)
    assert told() == [("low", 4)]
    release(reservation_id=hold.pk)
    assert told() == [("low", 4), ("back", 10)]


def test_each_location_has_its_own(mug):
    there = LocationFactory(code="outlet")
    transfer_stock(
        product_id=mug.product_id,
        from_location=mug.location.code,
        to_location=there.code,
        quantity=6,
    )
    assert told() == [("low", 4)]


def test_another_line_may_be_crossed_without_a_movement(mug):
    set_reorder_settings(stock_level_id=mug.pk, changes={"reorder_point": 12})
    assert told() == [("low", 10)]
    set_reorder_settings(stock_level_id=mug.pk, changes={"reorder_point": 5})
    assert told() == [("low", 10), ("back", 10)]
    set_reorder_settings(stock_level_id=mug.pk, changes={"safety_stock": 5})
    assert len(told()) == 2


def test_what_was_low_before_anybody_was_told_is_no_news(mug):
    move(mug, -7)
    StockLevel.objects.update(alert="")
    Event.objects.all().delete()
    move(mug, -1)
    assert told() == []
    move(mug, +20)
    assert told() == [("back", 22)]


@pytest.mark.django_db
def test_a_product_that_gets_its_first_stock_is_not_back():
    product = ProductFactory()
    open_inventory(product_id=product.pk, quantity=0)
    adjust_stock(changes=[Change(product.pk, delta=5)])
    assert told() == []


def test_a_refusal_tells_nothing(mug):
    with pytest.raises(Exception, match="Not enough"):
        move(mug, -11)
    assert told() == []
