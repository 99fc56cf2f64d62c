"""What becomes of a stock level when a count is applied."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from common.errors import DomainError
from inventory.rules.counts import Found, How, settled

UNITS = st.integers(min_value=0, max_value=10**6)


@st.composite
def cases(draw) -> Found:
    on_hand = draw(UNITS)
    return Found(
        expected=draw(UNITS),
        counted=draw(UNITS),
        on_hand=on_hand,
        reserved=draw(st.integers(min_value=0, max_value=on_hand)),
        has_moved=draw(st.booleans()),
    )


@given(cases(), st.sampled_from(How), st.booleans())
def test_what_is_settled_is_possible_and_what_was_asked_for(found, how, release_latest):
    try:
        after = settled(found, how, release_latest=release_latest)
    except DomainError as refusal:
        assert refusal.code in {"stale_quantity", "below_reserved", "invalid"}  # noqa: PT017
        return
    assert after >= (0 if release_latest else found.reserved)
    if how is How.DIFFERENCE:
        assert after - found.on_hand == found.counted - found.expected
    else:
        assert after == found.counted
    assert how is not How.SET or not found.has_moved


@given(UNITS, UNITS)
def test_where_nothing_has_moved_the_three_ways_are_one(expected, counted):
    found = Found(expected=expected, counted=counted, on_hand=expected)
    assert {settled(found, how) for how in How} == {counted}


@pytest.mark.parametrize(
    ("found", "how", "code"),
    [
        (Found(expected=5, counted=5, on_hand=5, has_moved=True), How.SET, "stale_quantity"),
        (Found(expected=5, counted=0, on_hand=4, has_moved=True), How.DIFFERENCE, "invalid"),
        (Found(expected=5, counted=2, on_hand=5, reserved=3), How.SET, "below_reserved"),
        (Found(expected=0, counted=10**12, on_hand=1), How.DIFFERENCE, "quantity_limit"),
    ],
    ids=["moved", "fewer_than_none", "below_reserved", "too_many"],
)
def test_what_cannot_be_is_refused(found, how, code):
    with pytest.raises(DomainError) as refusal:
        settled(found, how)
    assert refusal.value.code == code
