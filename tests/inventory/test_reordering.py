"""How long stock lasts and how much to order: decided without a database."""

from __future__ import annotations

import pytest

from inventory.rules.reordering import MOST_PROPOSED, Demand, days_of_cover, proposed_quantity


@pytest.mark.parametrize(
    ("available", "sold", "days"),
    [
        (28, 28, 28),
        (10, 56, 5),
        (9, 56, 4),
        (0, 56, 0),
        (1, 1, 28),
        (10, 0, None),
        (0, 0, None),
        (10, -3, None),
        (-2, 28, 0),
        (10**12, 1, 28 * 10**12),
    ],
)
def test_days_of_cover_are_whole_days_at_the_pace_of_four_weeks(available, sold, days):
    assert days_of_cover(available, sold) == days


def proposed(available, reorder_point, **more):
    return proposed_quantity(Demand(available=available, reorder_point=reorder_point, **more))


def test_without_a_reorder_quantity_it_fills_up_to_four_weeks_and_the_safety_stock():
    assert proposed(10, 40, safety_stock=5, sold=60) == 40 + 5 + 60 - 10


def test_what_is_on_its_way_counts_unless_orders_have_it_already():
    assert proposed(10, 40, sold=60, incoming=20) == 70
    assert proposed(10, 40, sold=60, incoming=20, promised=15) == 85
    assert proposed(10, 40, sold=60, incoming=31) == 0
    assert proposed(10, 40, sold=60, incoming=30) == 60


def test_orders_that_wait_are_ordered_for():
    assert proposed(0, 10, waiting=7) == 18
    assert proposed(0, 10, waiting=7, incoming=12) == 6
    assert proposed(0, 10, reorder_quantity=6, waiting=7) == 18


@pytest.mark.parametrize(
    ("available", "more", "quantity"),
    [
        (40, {}, 24),
        (20, {}, 24),
        (17, {}, 24),
        (16, {}, 48),
        (0, {}, 48),
        (0, {"sold": 500, "safety_stock": 99}, 48),
        (20, {"incoming": 24}, 0),
    ],
)
def test_a_reorder_quantity_is_ordered_as_often_as_it_takes(available, more, quantity):
    assert proposed(available, 40, reorder_quantity=24, **more) == quantity


def test_what_is_proposed_lifts_a_level_above_its_reorder_point():
    assert proposed(0, 0) == 1
    assert proposed(40, 40) == 1
    assert proposed(40, 40, reorder_quantity=0) == 1


def test_it_is_never_negative_nor_more_than_a_batch_can_have():
    assert proposed(41, 40, sold=500) == 0
    assert proposed(0, 10, sold=-50) == 11
    assert proposed(0, MOST_PROPOSED, sold=10**9) == MOST_PROPOSED
    assert proposed(0, 10, reorder_quantity=10**9, waiting=2 * 10**9) == MOST_PROPOSED
