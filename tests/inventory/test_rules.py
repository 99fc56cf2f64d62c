"""Decisions about stock, without a database."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DomainError, Invalid
from inventory import rules
from inventory.errors import (
    BelowReserved,
    InsufficientStock,
    LocationRequired,
    PreconditionRequired,
    QuantityLimit,
    StaleQuantity,
)
from inventory.rules import Change, Level, Posting, decide

MAIN, NORTH, SOUTH = (UUID(int=n) for n in (1, 2, 3))
PRODUCT = uuid4()


def change(**wishes) -> Change:
    return Change(product_id=PRODUCT, **wishes)


def decided(wish: Change, *levels: Level, at: UUID | None = None) -> list[Posting]:
    return decide(wish, levels, at=at, default=MAIN, sku="MUG")


def test_a_negative_delta_is_a_sale_and_a_positive_one_a_receipt():
    level = Level(MAIN, on_hand=5)
    assert decided(change(delta=-2), level) == [Posting(MAIN, -2, "sale")]
    assert decided(change(delta=2), level) == [Posting(MAIN, 2, "receipt")]


@pytest.mark.parametrize(
    ("delta", "reason"),
    [(-1, "sale"), (-1, "damage"), (-1, "adjustment"), (1, "receipt"), (1, "return")],
)
def test_a_reason_that_fits_the_direction_is_kept(delta, reason):
    (posting,) = decided(change(delta=delta, reason=reason), Level(MAIN, on_hand=5))
    assert posting.reason == reason


@pytest.mark.parametrize(("delta", "reason"), [(1, "sale"), (1, "damage"), (-1, "receipt")])
def test_a_reason_that_does_not_fit_the_direction_is_refused(delta, reason):
    with pytest.raises(Invalid) as refusal:
        decided(change(delta=delta, reason=reason), Level(MAIN, on_hand=5))
    assert refusal.value.attribute == "reason"


def test_a_version_that_was_seen_must_be_the_current_one_whatever_is_wanted():
    here, there = Level(MAIN, on_hand=5, version=3), Level(NORTH, on_hand=1, version=4)
    for wish in ({"delta": -1}, {"delta": 1}, {"count": 5, "expected": 5}, {"count": 6}):
        with pytest.raises(StaleQuantity) as refusal:
            decided(change(expected_version=2, **wish), here, there, at=MAIN)
        assert refusal.value.attribute == "expected_version"
        assert refusal.value.meta == {
            "expected": wish.get("expected"),
            "expected_version": 2,
            "current": 5,
            "version": 3,
        }
    assert decided(change(delta=-1, expected_version=3), here, there, at=MAIN)
    assert decided(change(delta=-1, expected_version=7), here, there), "of both together"
    assert decided(change(delta=1, expected_version=0), here, at=SOUTH), "of nothing"


def test_a_version_guards_a_count_as_a_quantity_does():
    level = Level(MAIN, on_hand=5, version=3)
    assert decided(change(count=7, expected_version=3), level) == [Posting(MAIN, 2, "count")]


def test_more_than_is_available_is_refused_with_the_figures():
    level = Level(MAIN, on_hand=5, reserved=2)
    with pytest.raises(InsufficientStock) as refusal:
        decided(change(delta=-4), level)
    (shortage,) = refusal.value.problems
    assert shortage.meta == {
        "requested": 4,
        "available": 3,
        "shortfall": 1,
        "product_id": str(PRODUCT),
        "sku": "MUG",
    }


def test_stock_is_taken_from_locations_by_priority_and_each_gives_what_it_has():
    far = Level(NORTH, on_hand=5, priority=200)
    near = Level(SOUTH, on_hand=3, reserved=1, priority=100)
    assert decided(change(delta=-4), far, near) == [
        Posting(SOUTH, -2, "sale"),
        Posting(NORTH, -2, "sale"),
    ]


def test_an_inactive_location_supplies_nothing_unless_it_is_named():
    closed = Level(NORTH, on_hand=5, is_active=False)
    open_one = Level(SOUTH, on_hand=1)
    with pytest.raises(InsufficientStock):
        decided(change(delta=-2), closed, open_one)
    assert decided(change(delta=-2), closed, open_one, at=NORTH) == [Posting(NORTH, -2, "sale")]


def test_what_is_added_goes_where_it_is_sent_or_to_the_only_level_or_to_the_default():
    north, south = Level(NORTH, on_hand=1), Level(SOUTH, on_hand=1)
    assert decided(change(delta=1), north, south, at=SOUTH)[0].location_id == SOUTH
    assert decided(change(delta=1), north)[0].location_id == NORTH
    assert decided(change(delta=1), north, south)[0].location_id == MAIN


def test_a_level_holds_at_most_a_million_million_units():
    full = Level(MAIN, on_hand=rules.MAX_ON_HAND - 1)
    assert decided(change(delta=1), full)
    with pytest.raises(QuantityLimit):
        decided(change(delta=2), full)


def test_a_count_becomes_the_difference():
    level = Level(MAIN, on_hand=7)
    assert decided(change(count=4, expected=7), level) == [Posting(MAIN, -3, "count")]


def test_a_count_that_is_the_current_quantity_changes_nothing_and_needs_no_guard():
    assert decided(change(count=7), Level(MAIN, on_hand=7)) == []


def test_a_count_without_a_guard_is_refused():
    with pytest.raises(PreconditionRequired):
        decided(change(count=4), Level(MAIN, on_hand=7))
    assert decided(change(count=4, is_guarded=True), Level(MAIN, on_hand=7))


def test_a_count_against_another_quantity_is_refused_with_the_current_one():
    with pytest.raises(StaleQuantity) as refusal:
        decided(change(count=4, expected=8), Level(MAIN, on_hand=7, version=3))
    assert refusal.value.meta == {"expected": 8, "current": 7, "version": 3}


def test_a_delta_that_was_decided_on_another_quantity_is_refused():
    levels = [Level(MAIN, on_hand=7), Level(SOUTH, on_hand=2, version=3)]
    assert decided(change(delta=-1, expected=9), *levels) == [Posting(MAIN, -1, "sale")]
    assert decided(change(delta=-1, expected=2), *levels, at=SOUTH) == [Posting(SOUTH, -1, "sale")]
    with pytest.raises(StaleQuantity):
        decided(change(delta=-1, expected=7), *levels)


def test_the_total_of_several_locations_again_is_no_change():
    levels = [Level(MAIN, on_hand=7), Level(SOUTH, on_hand=2)]
    assert decided(change(count=9), *levels) == []


def test_a_count_has_no_other_reason():
    with pytest.raises(Invalid) as refusal:
        decided(change(count=4, expected=7, reason="sale"), Level(MAIN, on_hand=7))
    assert refusal.value.attribute == "reason"


def test_a_count_below_what_is_promised_is_refused():
    with pytest.raises(BelowReserved):
        decided(change(count=1, expected=7), Level(MAIN, on_hand=7, reserved=2))


def test_a_count_takes_promises_back_before_the_next_change_is_decided():
    counted = [Posting(MAIN, -4, "count")]
    (level,) = rules.applied([Level(MAIN, on_hand=5, reserved=5)], counted)
    assert (level.on_hand, level.available) == (1, 0)


def test_a_count_of_a_product_at_several_locations_must_name_one():
    levels = [Level(NORTH, on_hand=1), Level(SOUTH, on_hand=2)]
    with pytest.raises(LocationRequired):
        decided(change(count=4, expected=3), *levels)
    assert decided(change(count=4, expected=2), *levels, at=SOUTH) == [Posting(SOUTH, 2, "count")]


def test_a_delta_may_come_with_the_quantity_that_the_client_read_but_not_with_another():
    level = Level(MAIN, on_hand=7)
    assert decided(change(delta=-1, count=7), level) == [Posting(MAIN, -1, "sale")]
    with pytest.raises(Invalid):
        decided(change(delta=-1, count=6), level)


levels = st.builds(
    lambda location, on_hand, reserved, priority, is_active: Level(
        UUID(int=location), on_hand, min(reserved, on_hand), 1, priority, is_active
    ),
    st.integers(1, 6),
    st.integers(0, 50),
    st.integers(0, 50),
    st.integers(0, 3),
    st.booleans(),
)


@given(
    st.lists(levels, max_size=5, unique_by=lambda level: level.location_id),
    st.integers(-120, 120).filter(bool),
)
def test_whatever_is_asked_the_movements_add_up_and_nothing_promised_is_taken(stock, delta):
    try:
        postings = decided(change(delta=delta), *stock)
    except DomainError:
        return
    after = {level.location_id: level for level in rules.applied(stock, postings)}
    assert sum(posting.delta for posting in postings) == delta
    assert len({posting.location_id for posting in postings}) == len(postings)
    assert all(0 <= level.reserved <= level.on_hand for level in after.values())


@given(
    st.lists(levels, min_size=1, max_size=5, unique_by=lambda level: level.location_id),
    st.integers(1, 200),
)
def test_a_withdrawal_is_refused_only_when_there_is_really_too_little(stock, wanted):
    sources = stock if len(stock) == 1 else [level for level in stock if level.is_active]
    enough = sum(level.available for level in sources) >= wanted
    try:
        decided(change(delta=-wanted), *stock)
    except InsufficientStock:
        assert not enough
    else:
        assert enough
