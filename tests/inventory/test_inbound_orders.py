"""An order's way as other systems tell it, step by step."""

from __future__ import annotations

from datetime import timedelta

import pytest

from common.database import database_now
from common.events.models import Event
from common.inbox import handling
from common.inbox.handling import Outcome
from inventory.models import Reservation
from inventory.operations import (
    confirm,
    create_batch,
    expire_reservations,
    receive_batch,
    release,
    ship,
)
from tests.common.inbox.messages import at, message
from tests.factories import StockLevelFactory
from tests.inventory.inbound import ORDER, PLACED, figures, held, mugs, statuses, tell, told
from tests.inventory.promises import what_is_wrong

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

LONG_AGO = timedelta(hours=1)


@pytest.fixture(autouse=True)
def promises_hold():
    yield
    assert not what_is_wrong()


def let_it_lapse(reservation, *, swept=True):
    past = database_now() - LONG_AGO
    Reservation.objects.filter(pk=reservation.pk).update(expires_at=past)
    if swept:
        assert expire_reservations(limit=10) == 1


# order.placed


def test_a_placed_order_is_reserved_and_says_who_told_it():
    level = mugs()
    told("order.placed", PLACED, id="7", source="/shop", requestid="checkout-1")
    reservation = Reservation.objects.get()
    assert (reservation.status, figures(level)) == ("active", (10, 2))
    assert (reservation.actor, reservation.request_id) == ("message:/shop", "checkout-1")
    event = Event.objects.get(type="reservation.created")
    assert (event.actor, event.request_id) == ("message:/shop", "checkout-1")


def test_a_placed_order_may_name_products_by_id_last_for_its_own_time_and_take_what_is_to_come():
    level = mugs(on_hand=1)
    create_batch(reference="PO-1", quantity=5, sku="MUG", eta=database_now().date())
    lines = [{"product_id": str(level.product_id), "quantity": 2}]
    data = {**ORDER, "lines": lines, "expires_in": 60, "allow_incoming": True}
    told("order.placed", data)
    reservation = Reservation.objects.get()
    assert reservation.expires_at - reservation.created_at < timedelta(seconds=61)
    assert figures(level) == (1, 1)


def test_what_cannot_be_covered_is_refused_and_may_be_told_again_once_it_can():
    level = mugs(on_hand=1)
    body = message("order.placed", PLACED)
    verdict = handling.handle(body)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "insufficient_stock")
    assert verdict.reason == "lines/0: 2 of MUG were asked for and 1 are available."
    create_batch(reference="PO-1", quantity=5, sku="MUG")
    assert handling.handle(body).outcome == Outcome.APPLIED
    assert figures(level) == (6, 2)


def test_an_unknown_product_is_refused_by_its_place():
    verdict = tell("order.placed", PLACED)
    assert verdict.code == "not_found"
    assert verdict.reason == "lines/0/sku: There is no such product."


@pytest.mark.parametrize("minutes", [0, 1], ids=["at the same time", "later"])
def test_an_order_that_is_told_again_under_another_id_holds_once(minutes):
    level = mugs()
    told("order.placed", PLACED)
    told("order.placed", PLACED, time=at(minutes))
    assert (statuses(), figures(level)) == (["active"], (10, 2))


def test_other_lines_for_an_order_that_is_held_are_refused():
    mugs()
    told("order.placed", PLACED)
    other = {**ORDER, "lines": [{"sku": "MUG", "quantity": 3}]}
    assert tell("order.placed", other, time=at(1)).code == "order_reference_conflict"


def test_an_order_has_one_name_however_it_is_spelled():
    mugs()
    for name in ("A\u00f1o-1", "An\u0303o-1", " A\u00f1o-1 "):
        told("order.placed", {**PLACED, "order_reference": name})
    assert statuses("A\u00f1o-1") == ["active"]


# order.cancelled


def test_a_cancelled_order_lets_go_of_what_it_holds():
    level = mugs()
    told("order.placed", PLACED)
    told("order.cancelled", ORDER, time=at(1))
    assert (statuses(), figures(level)) == (["released"], (10, 0))


@pytest.mark.parametrize("end", ["released", "expired"])
def test_cancelling_what_has_ended_harms_nobody(end):
    mugs()
    reservation = held()
    release(reservation_id=reservation.pk) if end == "released" else let_it_lapse(reservation)
    told("order.cancelled", ORDER)
    assert statuses() == [end]


def test_an_order_that_is_placed_again_after_its_cancellation_stays_cancelled():
    """The same occurrence, told again: by the same id, or by another one."""
    level = mugs()
    placed = message("order.placed", PLACED, time=at(0))
    assert handling.handle(placed).outcome == Outcome.APPLIED
    told("order.cancelled", ORDER, time=at(1))
    assert handling.handle(placed).outcome == Outcome.KNOWN
    told("order.placed", PLACED, time=at(0))
    assert (statuses(), figures(level)) == (["released"], (10, 0))


def test_an_order_that_is_placed_anew_after_its_cancellation_is_held_anew():
    level = mugs()
    told("order.placed", PLACED, time=at(0))
    told("order.cancelled", ORDER, time=at(1))
    told("order.placed", PLACED, time=at(2))
    told("order.cancelled", ORDER, time=at(1))  # under another id
    assert (statuses(), figures(level)) == (["released", "active"], (10, 2))


def test_a_shipped_order_is_not_cancelled_by_a_message():
    mugs()
    told("order.placed", PLACED)
    told("shipment.sent", ORDER)
    assert tell("order.cancelled", ORDER, time=at(1)).code == "reservation_not_active"


def test_an_order_that_is_told_again_after_it_was_shipped_holds_nothing():
    level = mugs()
    told("order.placed", PLACED)
    told("shipment.sent", ORDER)
    told("order.placed", PLACED)
    assert (statuses(), figures(level)) == (["shipped"], (8, 0))


# payment.succeeded, payment.failed


def test_a_paid_order_is_confirmed_once():
    mugs()
    told("order.placed", PLACED)
    told("payment.succeeded", ORDER, source="/payments")
    told("payment.succeeded", ORDER, source="/payments")
    assert statuses() == ["confirmed"]
    assert Event.objects.filter(type="reservation.confirmed").count() == 1


@pytest.mark.parametrize("swept", [True, False], ids=["swept", "overdue"])
def test_a_payment_for_a_hold_that_has_expired_is_for_a_person_to_see(swept):
    mugs()
    let_it_lapse(held(), swept=swept)
    verdict = tell("payment.succeeded", ORDER)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "reservation_expired")


def test_a_payment_for_a_cancelled_order_is_for_a_person_to_see():
    mugs()
    told("order.placed", PLACED)
    told("order.cancelled", ORDER, time=at(1))
    assert tell("payment.succeeded", ORDER).code == "reservation_not_active"


def test_a_payment_is_for_the_hold_that_is_open():
    mugs()
    let_it_lapse(held())
    held()
    told("payment.succeeded", ORDER)
    assert statuses() == ["expired", "confirmed"]


def test_a_failed_payment_lets_go_of_what_waits_for_it():
    level = mugs()
    told("order.placed", PLACED)
    told("payment.failed", ORDER)
    told("payment.failed", ORDER)
    assert (statuses(), figures(level)) == (["released"], (10, 0))


def test_a_failure_before_the_payment_that_succeeded_is_no_news():
    mugs()
    told("order.placed", PLACED)
    told("payment.succeeded", ORDER, source="/payments", time=at(2))
    told("payment.failed", ORDER, source="/payments", time=at(1))
    assert statuses() == ["confirmed"]


@pytest.mark.parametrize("end", ["confirmed", "shipped"])
def test_a_failure_after_the_payment_takes_nothing_from_an_order_that_is_paid(end):
    mugs()
    reservation = held()
    confirm(reservation_id=reservation.pk)
    if end == "shipped":
        ship(reservation_id=reservation.pk)
    verdict = tell("payment.failed", ORDER)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "reservation_not_active")
    assert statuses() == [end]


# shipment.sent


def test_what_has_left_is_shipped_whole_or_in_part():
    level = mugs()
    told("order.placed", PLACED)
    told("payment.succeeded", ORDER)
    told("shipment.sent", {**ORDER, "lines": [{"sku": "mug", "quantity": 1}]})
    assert (statuses(), figures(level)) == (["confirmed"], (9, 1))
    told("shipment.sent", ORDER)
    told("shipment.sent", ORDER)
    assert (statuses(), figures(level)) == (["shipped"], (8, 0))


def test_what_has_left_before_it_was_paid_is_shipped_and_the_payment_changes_nothing():
    mugs()
    told("order.placed", PLACED)
    told("shipment.sent", ORDER)
    told("payment.succeeded", ORDER)
    assert statuses() == ["shipped"]


def test_more_than_was_ordered_does_not_leave():
    mugs()
    told("order.placed", PLACED)
    three = {**ORDER, "lines": [{"sku": "MUG", "quantity": 3}]}
    verdict = tell("shipment.sent", three)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "exceeds_ordered")


@pytest.mark.parametrize("end", ["cancelled", "lapsed"])
def test_what_has_left_for_a_hold_that_has_ended_is_for_a_person_to_see(end):
    mugs()
    reservation = held()
    release(reservation_id=reservation.pk) if end == "cancelled" else let_it_lapse(reservation)
    assert tell("shipment.sent", ORDER).outcome == Outcome.REFUSED


def test_what_has_left_before_it_was_received_waits_for_the_receipt():
    StockLevelFactory(product__sku="MUG", on_hand=0)
    batch = create_batch(reference="PO-1", quantity=5, sku="MUG", eta=database_now().date())
    told("order.placed", {**PLACED, "allow_incoming": True})
    verdict = tell("shipment.sent", ORDER)
    assert (verdict.outcome, verdict.code) == (Outcome.TOO_EARLY, "not_on_hand")
    receive_batch(batch_id=batch.pk)
    told("shipment.sent", ORDER)
