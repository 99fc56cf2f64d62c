"""Several orders for the same units, and several hands on one hold.

Every race stands beside a negative control, as in ``test_races``.
"""

import itertools
from datetime import date, timedelta
from threading import Barrier

import pytest
from django.db import IntegrityError
from django.db.models.functions import Now

from common.database import database_now
from common.errors import NotFound, VersionMismatch
from inventory import rules
from inventory.errors import (
    BatchReceived,
    InsufficientStock,
    ReservationExpired,
    ReservationNotActive,
)
from inventory.models import Reservation, StockLevel
from inventory.operations import (
    Wanted,
    adjust_stock,
    change_location,
    confirm,
    create_batch,
    expire_reservations,
    extend,
    receive_batch,
    receive_batches,
    release,
    release_all,
    reserve,
    ship,
    transfer_stock,
)
from inventory.operations.ledger import Ledger
from inventory.queries import Held
from inventory.querysets import StockLevelQuerySet
from inventory.rules import Change
from products.errors import ProductReserved
from products.operations import delete_product
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.promises import what_is_wrong
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

WORKERS = 8
ROUNDS = 5
MOMENT = timedelta(milliseconds=8)  # about as long as two transactions take


@pytest.fixture
def mug():
    return StockLevelFactory(product__sku="MUG", on_hand=3)


@pytest.fixture
def conflicts(monkeypatch):
    """Deadlocks, which nobody repeats here."""
    seen = []
    monkeypatch.setattr("common.database.is_conflict", seen.append)
    return seen


def count(outcomes, kind) -> int:
    return sum(isinstance(outcome, kind) for outcome in outcomes)


def hold(quantity, order, **wishes) -> Held:
    held, _ = reserve(order_reference=order, lines=[Wanted(quantity, sku="MUG")], **wishes)
    return held


def overdue(held, *, by=timedelta(milliseconds=1)):
    Reservation.objects.filter(pk=held.pk).update(expires_at=Now() - by)


def status(held) -> str:
    return Reservation.objects.get(pk=held.pk).status


# The last units


def test_eight_orders_cannot_hold_more_than_three_units(mug):
    outcomes = race(lambda number: hold(1, str(number)), WORKERS)
    assert count(outcomes, Held) == 3
    assert count(outcomes, InsufficientStock) == 5
    assert what_is_wrong() == []


def test_without_the_lock_all_of_them_believe_they_hold_the_same_unit(mug, monkeypatch):
    """Negative control."""
    monkeypatch.setattr(StockLevelQuerySet, "locked", lambda levels: levels.order_by("pk"))
    everyone_has_decided = Barrier(4, timeout=10)
    allocate = rules.allocate

    def allocate_late(*args):
        shares = allocate(*args)
        everyone_has_decided.wait()
        return shares

    monkeypatch.setattr("inventory.rules.allocate", allocate_late)
    outcomes = race(lambda number: hold(3, str(number)), 4)
    assert count(outcomes, Held) == 4
    assert what_is_wrong() == [f"{mug}: 3 reserved, 12 allocated"]


def test_sales_and_holds_share_what_there_is(mug):
    sale = Change(mug.product_id, delta=-1)

    def work(number):
        return adjust_stock(changes=[sale]) if number % 2 else hold(1, str(number))

    outcomes = race(work, WORKERS)
    assert count(outcomes, Held) + count(outcomes, list) == 3
    assert count(outcomes, InsufficientStock) == 5
    assert what_is_wrong() == []


# The same order


def test_an_order_that_is_sent_eight_times_at_once_gets_one_hold(mug):
    outcomes = race(lambda _: hold(2, "same"), WORKERS)
    assert {outcome.pk for outcome in outcomes} == {Reservation.objects.get().pk}
    assert what_is_wrong() == []


def test_without_the_lock_of_the_order_it_meets_the_database_instead(mug, monkeypatch):
    """Negative control: all four find no hold of this order; the unique key stops three."""
    everyone_has_looked = Barrier(4, timeout=10)

    def look_together(*_):
        everyone_has_looked.wait()
        return set()

    numbers = itertools.count(1)
    monkeypatch.setattr("inventory.operations.reserving.crc32", lambda _: next(numbers))
    monkeypatch.setattr("inventory.operations.reserving.product_ids", look_together)
    outcomes = race(lambda _: hold(1, "same"), 4)
    assert count(outcomes, IntegrityError) == 3


# A hold whose time ends at this moment


def about_to_end(mug) -> Held:
    held = hold(3, f"ending {database_now()}")
    overdue(held, by=-MOMENT)
    return held


@pytest.mark.parametrize("keep", [confirm, extend])
def test_who_keeps_a_hold_and_who_wants_its_units_are_never_both_served(mug, keep):
    for _ in range(ROUNDS):
        old = about_to_end(mug)

        def work(number, old=old):
            return hold(3, f"new {old.pk}") if number else keep(reservation_id=old.pk)

        kept, new = race(work, 2)
        assert isinstance(kept, Held | ReservationExpired)
        assert isinstance(new, Held | InsufficientStock)
        assert count([kept, new], Held) <= 1
        assert what_is_wrong() == []
        for held in Reservation.objects.open():
            release(reservation_id=held.pk)


@pytest.mark.parametrize("keep", [confirm, extend])
def test_who_does_not_look_at_the_clock_under_the_lock_serves_both(mug, keep, monkeypatch):
    """Negative control: the clock was looked at before, when there was still time."""
    monkeypatch.setattr("inventory.operations.reservations._check_active", lambda _: database_now())
    old = hold(3, "old")
    overdue(old)
    hold(3, "new")
    assert keep(reservation_id=old.pk).lines[0].unallocated == 3  # kept, with nothing in it


@pytest.mark.parametrize("keep", [confirm, extend])
def test_the_sweeper_ends_a_hold_or_lets_it_be(mug, keep):
    for _ in range(ROUNDS):
        old = about_to_end(mug)

        def work(number, old=old):
            return expire_reservations(limit=9) if number else keep(reservation_id=old.pk)

        kept, ended = race(work, 2)
        assert isinstance(kept, Held | ReservationExpired)
        assert not (isinstance(kept, Held) and ended)
        assert what_is_wrong() == []
        release(reservation_id=old.pk)


# Two hands on one hold


def test_a_hold_is_shipped_or_released_and_never_both(mug):
    for number in range(ROUNDS):
        held = hold(1, str(number))

        def work(number, held=held):
            return (ship if number % 2 else release)(reservation_id=held.pk)

        outcomes = race(work, 4)
        assert count(outcomes, Held) == count(outcomes, ReservationNotActive) == 2
        assert what_is_wrong() == []
        if status(held) == "shipped":
            adjust_stock(changes=[Change(mug.product_id, delta=1)])
    assert StockLevel.objects.get().on_hand == 3


def test_without_the_lock_of_the_hold_nobody_hears_that_it_has_ended(mug, monkeypatch):
    """Negative control."""
    held = hold(1, "1")
    both_have_read = Barrier(2, timeout=10)

    def read(reservation_id):
        reservation = Reservation.objects.get(pk=reservation_id)
        both_have_read.wait()
        return reservation

    monkeypatch.setattr("inventory.operations.reservations._locked", read)
    outcomes = race(lambda n: (ship if n else release)(reservation_id=held.pk), 2)
    assert count(outcomes, ReservationNotActive) == 0


def test_a_part_is_shipped_as_often_as_there_are_units(mug):
    held = hold(3, "1")
    one = [Wanted(1, sku="MUG")]
    outcomes = race(lambda _: ship(reservation_id=held.pk, lines=one), WORKERS)
    assert count(outcomes, Held) == 3
    assert (status(held), StockLevel.objects.get().on_hand) == ("shipped", 0)
    assert what_is_wrong() == []


# Everything else that touches promises


def test_a_batch_arrives_while_it_is_promised_and_let_go(mug, conflicts):
    batch = create_batch(reference="PO", quantity=9, sku="MUG", eta=date(2099, 12, 1))
    old = [hold(1, f"old {number}", allow_incoming=True) for number in range(3)]

    def work(number):
        if number < 3:
            return release(reservation_id=old[number].pk)
        if number < 5:
            return receive_batch(batch_id=batch.pk, quantity=2)
        return hold(3, str(number), allow_incoming=True)

    outcomes = race(work, WORKERS)
    assert not [one for one in outcomes if isinstance(one, Exception)]
    assert (what_is_wrong(), conflicts) == ([], [])


def test_what_arrives_is_what_was_seen_to_be_outstanding_or_nothing(mug, conflicts):
    for number in range(ROUNDS):
        batch = create_batch(reference=f"PO {number}", quantity=5, sku="MUG", eta=date(2099, 12, 1))

        def work(n, batch=batch):
            if n:
                return receive_batches(expected={batch.pk: 5})
            return receive_batch(batch_id=batch.pk, quantity=3)

        some, everything = race(work, 2)
        batch.refresh_from_db()
        if isinstance(everything, VersionMismatch):
            assert batch.received_quantity == 3
        else:
            assert isinstance(some, BatchReceived)
            assert batch.received_quantity == 5
    assert (what_is_wrong(), conflicts) == ([], [])


def test_what_is_confirmed_is_not_released_by_who_saw_it_unpaid(mug, conflicts):
    for number in range(ROUNDS):
        mine = hold(1, str(number))

        def work(n, mine=mine):
            if n:
                return release_all(expected_versions={mine.pk: mine.version})
            return confirm(reservation_id=mine.pk)

        confirmed, released = race(work, 2)
        assert isinstance(confirmed, Held) == isinstance(released, VersionMismatch)
        assert status(mine) == ("confirmed" if isinstance(confirmed, Held) else "released")
        release(reservation_id=mine.pk)
    assert (what_is_wrong(), conflicts) == ([], [])


def test_a_product_is_deleted_or_promised_and_never_both(mug, conflicts):
    for number in range(ROUNDS):
        product = StockLevelFactory(product__sku=f"P{number}", on_hand=1).product
        wanted = [Wanted(1, product_id=product.pk)]

        def work(n, product=product, wanted=wanted, number=number):
            if n:
                return reserve(order_reference=str(number), lines=wanted)
            return delete_product(product_id=product.pk)

        deleted, held = race(work, 2)
        assert isinstance(deleted, ProductReserved) != isinstance(held, NotFound)
        assert (what_is_wrong(), conflicts) == ([], [])


def test_a_location_opens_again_while_its_stock_moves_and_nobody_waits_in_a_circle(mug, conflicts):
    for number in range(ROUNDS):
        place = LocationFactory(code=f"place-{number}", is_active=False)
        StockLevelFactory(product=mug.product, location=place, on_hand=9)
        hold(3, f"waiting {number}")
        count_nothing = Change(
            mug.product_id, count=0, expected=3, location="main", release_latest=True
        )
        adjust_stock(changes=[count_nothing])

        def work(n, place=place):
            if n == 0:
                return change_location(location_id=place.pk, changes={"is_active": True})
            wish = {"from_location": place.code, "to_location": "main", "quantity": 1}
            return transfer_stock(product_id=mug.product_id, **wish)

        outcomes = race(work, 4)
        assert not [one for one in outcomes if isinstance(one, Exception)]
        assert conflicts == []
        for held in Reservation.objects.open():
            release(reservation_id=held.pk)
        on_hand = {level.location.code: level.on_hand for level in mug.product.stock_levels.all()}
        put_back = Change(mug.product_id, delta=3 - on_hand["main"], location="main")
        if put_back.delta:
            adjust_stock(changes=[put_back])
        change_location(location_id=place.pk, changes={"is_active": False})


def basket(number, levels, lines):
    """Every second one the other way round."""
    picked = [levels[(number * 7 + step) % len(levels)] for step in range(lines)]
    order = picked if number % 2 else picked[::-1]
    wanted = [Wanted(1, product_id=level.product_id) for level in order]
    return reserve(order_reference=f"{number}", lines=wanted)[0]


def test_baskets_in_opposite_order_do_not_deadlock(conflicts):
    levels = [StockLevelFactory(on_hand=100) for _ in range(4)]
    outcomes = race(lambda number: basket(number, levels, 4), WORKERS)
    assert count(outcomes, Held) == WORKERS
    assert (what_is_wrong(), conflicts) == ([], [])


def test_baskets_that_lock_in_their_own_order_do(conflicts, monkeypatch):
    """Negative control."""
    levels = [StockLevelFactory(on_hand=100) for _ in range(2)]
    both_have_one = Barrier(2, timeout=10)

    def one_by_one(product_ids, **_):
        mine = list(product_ids)
        if mine[0] == max(mine):
            mine.reverse()
        first, second = mine if order.pop() else mine[::-1]
        held = list(StockLevel.objects.filter(product=first).locked())
        both_have_one.wait()
        return Ledger([*held, *StockLevel.objects.filter(product=second).locked()])

    order = [True, False]
    monkeypatch.setattr(Ledger, "locked", one_by_one)
    race(lambda number: basket(number, levels, 2), 2)
    assert len(conflicts) == 1


def test_32_clients_with_baskets_of_50_lines_over_100_products(conflicts):
    levels = [StockLevelFactory(on_hand=12) for _ in range(100)]

    def shop(number):
        return [_kept(lambda n=number * 10 + n: basket(n, levels, 50)) for n in range(3)]

    outcomes = [one for several in race(shop, 32) for one in several]
    held = count(outcomes, Held)
    assert held + count(outcomes, InsufficientStock) == 96
    assert held >= 12
    assert sum(level.reserved for level in StockLevel.objects.all()) == 50 * held
    assert (what_is_wrong(), conflicts) == ([], [])


def _kept(act):
    try:
        return act()
    except InsufficientStock as refusal:
        return refusal
