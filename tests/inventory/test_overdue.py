"""Holds past their time, before the sweeper has been there: in nobody's way, and told alike."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from inventory.models import ReservationLine, StockLevel
from inventory.operations import (
    Wanted,
    adjust_stock,
    change_batch,
    confirm,
    expire_reservations,
    release,
    reserve,
    ship,
)
from inventory.operations.lines import summed
from inventory.queries import availability, held_all
from inventory.rules import Change
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.promise_pages import held, ordered, past_its_time
from tests.inventory.promises import what_is_wrong

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = [pytest.mark.slow, pytest.mark.django_db]


@pytest.fixture(autouse=True)
def every_promise_can_be_kept(db):
    yield
    assert what_is_wrong() == []


@pytest.fixture
def mug() -> StockLevel:
    """On hand at a location that goes first."""
    first = LocationFactory(code="first", priority=10)
    return StockLevelFactory(product__sku="MUG", location=first, on_hand=5)


def elsewhere(mug: StockLevel, units: int) -> None:
    second = LocationFactory(code="second", priority=20)
    StockLevelFactory(product=mug.product, location=second, on_hand=units)


def shelf_overdue_and_a_batch(mug: StockLevel) -> None:
    past_its_time(held("OVERDUE", 5))
    ordered("PO-1", 5)


def shelf_overdue_and_another_location(mug: StockLevel) -> None:
    past_its_time(held("OVERDUE", 5))
    elsewhere(mug, 5)


def a_part_overdue_and_another_location(mug: StockLevel) -> None:
    past_its_time(held("OVERDUE", 2))
    elsewhere(mug, 3)


def batch_overdue(mug: StockLevel) -> None:
    held("KEPT", 5)
    ordered("PO-1", 5)
    past_its_time(held("OVERDUE", 5))
    ordered("PO-2", 9, days=20)


def all_kept(mug: StockLevel) -> None:
    held("KEPT", 4)
    ordered("PO-1", 5)


@pytest.mark.parametrize("with_incoming", [True, False])
@pytest.mark.parametrize("quantity", [1, 3, 5, 6])
@pytest.mark.parametrize(
    "before",
    [
        shelf_overdue_and_a_batch,
        shelf_overdue_and_another_location,
        a_part_overdue_and_another_location,
        batch_overdue,
        all_kept,
    ],
)
def test_what_is_available_is_what_a_reservation_gets(
    mug, before: Callable[[StockLevel], None], quantity, with_incoming
):
    before(mug)
    lines = [Wanted(quantity, sku="MUG")]
    (told,) = availability(summed(lines).values(), with_incoming=with_incoming).lines
    if told.shortfall:
        return
    got, _ = reserve(order_reference="NEW", lines=lines, allow_incoming=with_incoming)
    (line,) = got.lines
    assert list(told.allocations) == list(line.allocations)
    assert told.promise_date == line.promise_date


def test_units_that_only_an_overdue_hold_keeps_are_better_than_a_delivery(mug):
    shelf_overdue_and_a_batch(mug)
    got, _ = reserve(order_reference="NEW", lines=[Wanted(5, sku="MUG")], allow_incoming=True)
    (share,) = got.lines[0].allocations
    assert (share.location, share.batch, share.quantity) == ("first", None, 5)


@pytest.mark.parametrize(("quantity", "asked"), [(4, False), (5, True)])
def test_nobody_is_asked_for_overdue_holds_where_all_is_on_hand(mug, quantity, asked):
    held("KEPT", 1)
    ordered("PO-1", 1)
    with CaptureQueriesContext(connection) as queries:
        held("NEW", quantity)
    assert any('"expires_at" <=' in (one["sql"] or "") for one in queries) is asked


def unallocated(order_reference: str) -> int:
    line = ReservationLine.objects.get(reservation__order_reference=order_reference)
    return line.unallocated


def test_one_that_waited_before_is_served_before_one_that_was_cut(mug):
    overdue = held("OVERDUE", 2)
    held("OLDER", 3, allow_incoming=False)
    fewer = Change(mug.product_id, count=2, expected=5, release_latest=True)
    adjust_stock(changes=[fewer])
    batch = ordered("PO-1", 3)
    held("YOUNGER", 3)
    assert (unallocated("OLDER"), unallocated("YOUNGER")) == (3, 0)
    past_its_time(overdue)
    change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    assert (unallocated("OLDER"), unallocated("YOUNGER")) == (1, 3)


def test_what_has_ended_promises_nothing_any_more(mug):
    elsewhere(mug, 9)
    given_up, sent, late = held("GIVEN-UP", 1), held("SENT", 1), held("LATE", 1)
    release(reservation_id=given_up.pk)
    ship(reservation_id=sent.pk)
    past_its_time(late)
    expire_reservations(limit=10)
    for one in (given_up, sent, late):
        one.refresh_from_db()
    for ended in held_all([given_up, sent, late]):
        assert (ended.promise_date, ended.lines[0].promise_date) == (None, None)


def test_what_is_shipped_in_part_still_promises_the_rest(mug):
    elsewhere(mug, 9)
    StockLevelFactory(product__sku="PEN", on_hand=2)
    lines = [Wanted(1, sku="MUG"), Wanted(2, sku="PEN")]
    got, _ = reserve(order_reference="PARTS", lines=lines, expires_in=timedelta(hours=1))
    confirm(reservation_id=got.pk)
    got = ship(reservation_id=got.pk, lines=[Wanted(1, sku="MUG")])
    assert got.promise_date is not None
