"""Messages about one order: in any order, at the same moment, and several times."""

from __future__ import annotations

from itertools import permutations

import pytest

from common.inbox import handling
from common.inbox.handling import Outcome
from common.inbox.models import InboxMessage
from tests.common.inbox.messages import at, message
from tests.inventory.inbound import ORDER, PLACED, figures, mugs, statuses, told
from tests.inventory.promises import what_is_wrong
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture(autouse=True)
def promises_hold():
    yield
    assert not what_is_wrong()


@pytest.mark.parametrize(
    "kind", ["payment.succeeded", "payment.failed", "order.cancelled", "shipment.sent"]
)
def test_what_comes_before_the_order_is_too_early_and_not_forgotten(kind):
    mugs()
    body = message(kind, ORDER, time=at(1))
    verdict = handling.handle(body)
    assert (verdict.outcome, verdict.code) == (Outcome.TOO_EARLY, "not_found")
    assert verdict.reason == "Nothing is reserved for the order 'ORDER-1'."
    told("order.placed", PLACED)
    assert handling.handle(body).outcome == Outcome.APPLIED


PAID_AND_SENT = [
    ("order.placed", PLACED, 0),
    ("payment.succeeded", ORDER, 1),
    ("shipment.sent", ORDER, 2),
]
CANCELLED = [
    ("order.placed", PLACED, 0),
    ("order.placed", PLACED, 0),
    ("order.cancelled", ORDER, 1),
]
ANEW = [("order.placed", PLACED, 0), ("order.cancelled", ORDER, 1), ("order.placed", PLACED, 2)]


@pytest.mark.parametrize(
    ("story", "end", "on_hand", "reserved"),
    [
        pytest.param(PAID_AND_SENT, "shipped", 8, 0, id="paid and sent"),
        pytest.param(CANCELLED, "released", 10, 0, id="told twice and cancelled"),
        pytest.param(ANEW, "active", 10, 2, id="cancelled and placed anew"),
    ],
)
@pytest.mark.parametrize(
    "order", list(permutations(range(3))), ids=lambda order: "".join(map(str, order))
)
def test_in_whatever_order_a_story_is_told_it_ends_the_same(story, end, on_hand, reserved, order):
    level = mugs()
    bodies = [message(kind, data, time=at(minutes)) for kind, data, minutes in story]
    waiting = [bodies[number] for number in order]
    for _ in range(3):  # what is too early comes again later, as the queue does it
        waiting = [one for one in waiting if handling.handle(one).outcome == Outcome.TOO_EARLY]
    assert not waiting
    assert (statuses()[-1], figures(level)) == (end, (on_hand, reserved))


@pytest.mark.concurrency
def test_the_same_shipment_in_many_hands_leaves_once():
    level = mugs()
    told("order.placed", PLACED)
    one = {**ORDER, "lines": [{"sku": "MUG", "quantity": 1}]}
    body = message("shipment.sent", one)
    race(lambda _: handling.handle(body), workers=6)
    assert figures(level) == (9, 1)


def test_without_the_inbox_the_same_shipment_leaves_twice(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(handling, "_note", lambda _message: True)
    level = mugs()
    told("order.placed", PLACED)
    one = {**ORDER, "lines": [{"sku": "MUG", "quantity": 1}]}
    body = message("shipment.sent", one)
    handling.handle(body)
    handling.handle(body)
    assert figures(level) == (8, 0)


@pytest.mark.concurrency
def test_a_cancellation_and_another_telling_of_the_order_at_once_leave_nothing_held():
    level = mugs()
    told("order.placed", PLACED, time=at(0))
    bodies = [
        message("order.cancelled", ORDER, time=at(1)),
        message("order.placed", PLACED, time=at(0)),
    ]
    verdicts = race(lambda number: handling.handle(bodies[number]), workers=2)
    assert [verdict.outcome for verdict in verdicts] == [Outcome.APPLIED] * 2
    assert (statuses(), figures(level)) == (["released"], (10, 0))
    assert InboxMessage.objects.count() == 3
