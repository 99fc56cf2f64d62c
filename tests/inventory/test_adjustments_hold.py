"""Any sequence of operations, and many changes at once: a dry run tells what then happens."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import rule, run_state_machine_as_test

from inventory.errors import LinesRefused
from inventory.models import Location
from inventory.operations import Line, OnError, adjust_lines, rehearse_lines
from tests.factories import LocationFactory
from tests.inventory.test_promises_hold import Shop

pytestmark = [pytest.mark.slow, pytest.mark.django_db]

wanted = st.one_of(
    st.integers(-6, 6).filter(bool).map(lambda units: {"delta": units}),
    st.integers(0, 9).map(lambda units: {"count": units}),
    st.tuples(st.integers(0, 9), st.integers(0, 6)).map(
        lambda both: {"count": both[0], "expected": both[1]}
    ),
    st.tuples(st.integers(0, 9), st.integers(0, 9)).map(
        lambda both: {"count": both[0], "expected_version": both[1]}
    ),
)
lines = st.builds(
    lambda sku, location, wish: Line(sku=sku, location=location, **wish),
    st.sampled_from(["MUG", "mug", "PEN", "PEN", "NONE"]),
    st.sampled_from([None, None, "main", "north", "shut", "attic", "nowhere"]),
    wanted,
)


def told(adjusted):
    """But for what is not known before: ids and times."""
    return [
        (
            one.product_id,
            one.location,
            one.before,
            one.after,
            [(each.location.code, each.delta, each.reason) for each in one.movements],
            one.refusal and [(each.code, each.attribute) for each in one.refusal.problems],
        )
        for one in adjusted
    ]


class Adjusting(Shop):
    """The shop, where many changes come at once."""

    def __init__(self) -> None:
        super().__init__()
        LocationFactory(code="attic")
        Location.objects.default()

    @rule(asked=st.lists(lines, min_size=1, max_size=8))
    def adjust_lines(self, asked) -> None:
        rehearsed = told(rehearse_lines(lines=asked))
        assert rehearsed == told(rehearse_lines(lines=asked)), "nothing was changed"
        refused = [each for *_, found in rehearsed if found for each in found]
        if refused:
            with pytest.raises(LinesRefused) as refusal:
                adjust_lines(lines=asked)
            problems = refusal.value.problems
            assert [(one.code, one.attribute) for one in problems] == refused
        on_error = OnError.SKIP_FAILED if refused else OnError.REJECT_ALL
        assert told(adjust_lines(lines=asked, on_error=on_error)) == rehearsed


def test_after_every_step_all_that_was_promised_can_be_kept():
    calm = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Adjusting,
        settings=settings(
            max_examples=25,
            stateful_step_count=15,
            deadline=None,
            database=None,
            suppress_health_check=calm,
            phases=[Phase.generate],
        ),
    )
