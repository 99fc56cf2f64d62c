"""What was sold in four weeks, and what decides how much to order."""

from __future__ import annotations

import pytest

from inventory.models import StockLevel, StockMovement
from inventory.operations import adjust_stock, create_batch, reverse_movement, summarise_days
from inventory.queries.cover import Cover, covers, sold_of
from inventory.queries.ordering import demands
from inventory.rules import Change
from inventory.rules.reordering import Demand
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.days import hold, moved, stocked, tomorrow, waits

pytestmark = pytest.mark.django_db


def sold(level: StockLevel) -> int:
    summarise_days()
    return sold_of([level.pk]).get(level.pk, 0)


def test_sales_of_the_last_28_whole_days_count_less_what_came_back():
    level = stocked(40, 100)
    for days_ago, delta, reason in (
        (29, -50, "sale"),
        (28, -7, "sale"),
        (9, -3, "damage"),
        (8, 2, "return"),
        (7, 30, "receipt"),
        (6, -5, "adjustment"),
        (1, -4, "sale"),
    ):
        moved(level, days_ago, delta, reason)
    adjust_stock(changes=[Change(level.product_id, delta=-20)])
    assert sold(level) == 7 - 2 + 4


def test_a_mistake_that_was_reversed_is_no_sale():
    level = stocked(40, 2_000)
    moved(level, 33, -100, "sale")
    moved(level, 9, -1_000, "sale")
    moved(level, 5, -8, "sale")
    summarise_days()
    assert sold(level) == 1_008
    undo(level, -1_000)
    undo(level, -100)
    assert sold(level) == 1_008  # today is not over
    in_the_past(level, 2)
    assert sold(level) == 8


def undo(level, delta):
    movement = StockMovement.objects.get(stock_level=level, delta=delta)
    reverse_movement(movement_id=movement.pk)


def in_the_past(level, days_ago):
    """Reversals cannot be written into the past; so the past is moved instead."""
    from datetime import timedelta

    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute(
            "ALTER TABLE inventory_stockmovement DISABLE TRIGGER stock_movement_append_only"
        )
        cursor.execute(
            "UPDATE inventory_stockmovement SET created_at = created_at - %s"
            " WHERE stock_level_id = %s AND reason = 'reversal'",
            [timedelta(days=days_ago), level.pk],
        )
        cursor.execute(
            "ALTER TABLE inventory_stockmovement ENABLE TRIGGER stock_movement_append_only"
        )


def test_cover_of_a_page_is_one_query(django_assert_num_queries):
    quick, slow, unsold = stocked(9, 100), stocked(9, 100), stocked(9, 100)
    moved(quick, 3, -56)
    moved(slow, 3, -1)
    summarise_days()
    levels = list(StockLevel.objects.all())
    with django_assert_num_queries(1):
        found = covers(levels)
    assert found == {
        quick.pk: Cover(sold=56, days=22),
        slow.pk: Cover(sold=1, days=99 * 28),
        unsold.pk: Cover(sold=0, days=None),
    }
    with django_assert_num_queries(0):
        assert covers([]) == {}


def low(**columns) -> StockLevel:
    return StockLevelFactory(reorder_point=10, **columns)


def test_the_demand_on_a_level_is_what_its_figures_its_sales_and_its_orders_say():
    level = stocked(5, 30)
    moved(level, 2, -25)
    summarise_days()
    StockLevel.objects.filter(pk=level.pk).update(
        reorder_point=10, reorder_quantity=12, safety_stock=3
    )
    create_batch(reference="PO-1", quantity=20, product_id=level.product_id, eta=tomorrow())
    hold(level, 9)
    level.refresh_from_db()
    assert demands([level]) == {
        level.pk: Demand(
            available=0,
            reorder_point=10,
            reorder_quantity=12,
            safety_stock=3,
            incoming=20,
            promised=4,
            waiting=0,
            sold=25,
        )
    }


def test_orders_that_wait_count_once_at_the_first_low_level():
    second = low(location=LocationFactory(code="second", priority=20))
    product = second.product
    first = low(product=product, location=LocationFactory(code="first", priority=10))
    StockLevelFactory(product=product, location=LocationFactory(code="never-low", priority=1))
    waits(first, 7)
    found = demands(list(StockLevel.objects.all()))
    assert {pk: demand.waiting for pk, demand in found.items() if demand.waiting} == {first.pk: 7}


@pytest.mark.parametrize("count", [2, 9])
def test_demands_take_as_many_queries_for_many_levels_as_for_few(count, django_assert_num_queries):
    for _ in range(count):
        waits(low(), 3)
    levels = list(StockLevel.objects.all())
    with django_assert_num_queries(4):
        assert len(demands(levels)) == count
