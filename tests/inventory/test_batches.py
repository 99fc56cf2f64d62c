"""Supply that is on its way: ordered, moved in time, cut, received."""

from __future__ import annotations

import threading
from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models.functions import Now

from common.errors import Duplicate, Invalid, NotFound, VersionMismatch
from common.events.models import Event
from inventory.errors import BatchReceived, ExceedsOrdered, QuantityLimit
from inventory.models import Batch, Reservation, ReservationLine, StockLevel, StockMovement
from inventory.operations import (
    Wanted,
    adjust_stock,
    change_batch,
    change_location,
    confirm,
    create_batch,
    expire_reservations,
    receive_batch,
    release,
    reserve,
    reverse_movement,
    ship,
    transfer_stock,
)
from inventory.queries import held
from inventory.rules import MAX_ON_HAND, Change
from products.operations import delete_product
from tests.api_client import JSON
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promises import what_is_wrong
from tests.racing import race, somebody_waits_for_a_lock
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db

SOON, LATER = date(2099, 12, 1), date(2099, 12, 24)


@pytest.fixture(autouse=True)
def every_promise_can_be_kept(db):
    yield
    assert what_is_wrong() == []


@pytest.fixture
def mug():
    return StockLevelFactory(product__sku="MUG", on_hand=0)


@pytest.fixture
def po(mug):
    return order(10)


def order(quantity, reference="PO", eta=SOON, **wishes) -> Batch:
    return create_batch(reference=reference, quantity=quantity, sku="mug", eta=eta, **wishes)


def hold(quantity, order="1", *, allow_incoming=True):
    wanted = [Wanted(quantity, sku="MUG")]
    made, _ = reserve(order_reference=order, lines=wanted, allow_incoming=allow_incoming)
    return made


def shares(order="1") -> list[tuple[str | None, int]]:
    """What supplies the order, by the batch's reference; what is on hand first."""
    (line,) = held(Reservation.objects.get(order_reference=order)).lines
    return [(share.batch, share.quantity) for share in line.allocations]


def waiting(order="1") -> int:
    (line,) = held(Reservation.objects.get(order_reference=order)).lines
    return line.unallocated


def incoming(level: StockLevel) -> tuple[int, date | None]:
    level.refresh_from_db()
    return level.incoming, level.next_eta


def change(batch, **changes) -> Batch:
    return change_batch(batch_id=batch.pk, changes=changes)


# Ordering


def test_a_batch_with_an_eta_is_on_its_way(mug, po):
    assert (po.status, po.quantity, po.received_quantity, po.allocated) == ("incoming", 10, 0, 0)
    assert (po.location.code, po.version) == ("main", 1)
    assert incoming(mug) == (10, SOON)
    assert mug.on_hand == 0
    order(3, "EARLIER", SOON - timedelta(days=1))
    assert incoming(mug) == (13, SOON - timedelta(days=1))


def test_a_batch_without_an_eta_is_received_at_once(mug):
    batch = order(4, eta=None)
    assert (batch.status, batch.received_quantity, batch.eta) == ("received", 4, None)
    assert incoming(mug) == (0, None)
    assert mug.on_hand == 4
    movement = StockMovement.objects.latest("pk")
    assert (movement.delta, movement.reason, movement.reference) == (4, "receipt", "PO")


def test_a_product_that_was_never_stocked_can_be_ordered(db):
    ProductFactory(sku="MUG")
    order(4)
    assert incoming(StockLevel.objects.get()) == (4, SOON)


def test_a_reference_is_taken_once(mug, po):
    with pytest.raises(Duplicate) as refusal:
        order(1)
    assert refusal.value.attribute == "reference"
    assert incoming(mug) == (10, SOON)


def test_what_is_ordered_and_where_to_must_exist(mug):
    LocationFactory(code="north")
    for wrong in ({"sku": "NONE"}, {"product_id": uuid4()}, {"sku": "MUG", "location": "nowhere"}):
        with pytest.raises(NotFound):
            create_batch(reference="PO", quantity=1, eta=SOON, **wrong)
    order(1, location="NORTH")
    assert incoming(StockLevel.objects.get(location__code="north")) == (1, SOON)


def test_a_level_holds_no_more_than_a_million_million_units_whatever_arrives(mug, po):
    adjust_stock(changes=[Change(mug.product_id, delta=MAX_ON_HAND - 9)])
    with pytest.raises(QuantityLimit):
        order(10, "NOW", eta=None)
    with pytest.raises(QuantityLimit):
        receive_batch(batch_id=po.pk)
    receive_batch(batch_id=po.pk, quantity=9)


def test_a_late_batch_is_still_supply_promised_for_today(mug):
    order(4, eta=date(2020, 1, 1))
    line = hold(3).lines[0]
    assert (shares(), line.promise_date) == ([("PO", 3)], line.today)


# Cutting


def test_a_batch_grows_and_lines_that_wait_get_it(mug, po):
    hold(8)
    change(po, quantity=5)
    assert (shares(), waiting()) == ([("PO", 5)], 3)
    grown = change(po, quantity=7)
    assert (shares(), waiting()) == ([("PO", 7)], 1)
    assert (grown.quantity, grown.allocated, incoming(mug)) == (7, 7, (7, SOON))


def test_a_cut_above_what_is_promised_frees_nobody(mug, po):
    hold(4)
    version = Reservation.objects.get().version
    assert change(po, quantity=4).allocated == 4
    assert (shares(), Reservation.objects.get().version) == ([("PO", 4)], version)
    assert not Event.objects.filter(type="allocation.changed").exists()


def test_a_cut_frees_the_latest_promises_which_look_for_other_supply_at_once(mug, po):
    hold(6, "first")
    hold(4, "second")
    order(3, "OTHER", LATER)
    change(po, quantity=5)
    assert (shares("first"), waiting("first")) == ([("PO", 5), ("OTHER", 1)], 0)
    assert (shares("second"), waiting("second")) == ([("OTHER", 2)], 2)
    told = Event.objects.filter(type="allocation.changed").order_by("pk")
    assert [
        (one.data["order_reference"], one.data["freed"], one.data["unallocated"]) for one in told
    ] == [("first", 1, 0), ("second", 4, 2)]


def test_a_hold_past_its_time_is_cut_before_any_other(mug, po):
    hold(6, "first")
    hold(4, "late")
    hold_is_over("first")
    change(po, quantity=4)
    assert (shares("late"), waiting("late")) == ([("PO", 4)], 0)


def hold_is_over(order):
    rows = Reservation.objects.filter(order_reference=order)
    rows.update(expires_at=Now() - timedelta(milliseconds=1))


def test_what_is_cut_from_an_order_that_wants_no_batches_does_not_go_to_one(mug):
    adjust_stock(changes=[Change(mug.product_id, delta=3)])
    hold(3, allow_incoming=False)
    order(9)
    wish = Change(mug.product_id, count=1, expected=3, release_latest=True)
    adjust_stock(changes=[wish])
    assert (shares(), waiting()) == ([(None, 1)], 2)


def test_a_cancelled_batch_supplies_nothing(mug, po):
    hold(4)
    receive_batch(batch_id=po.pk, quantity=1)
    gone = change(po, status="cancelled")
    assert (gone.status, gone.allocated, gone.received_quantity) == ("cancelled", 0, 1)
    assert (incoming(mug), shares(), waiting()) == ((0, None), [(None, 1)], 3)


def test_a_quantity_equal_to_what_has_arrived_closes_the_batch_short(mug, po):
    hold(8)
    receive_batch(batch_id=po.pk, quantity=3)
    closed = change(po, quantity=3)
    assert (closed.status, closed.quantity, closed.allocated) == ("received", 3, 0)
    assert (incoming(mug), shares(), waiting()) == ((0, None), [(None, 3)], 5)


def test_a_batch_is_not_closed_and_cancelled_at_once(mug, po):
    receive_batch(batch_id=po.pk, quantity=3)
    with pytest.raises(Invalid) as refusal:
        change(po, quantity=3, status="cancelled")
    assert refusal.value.attribute == "status"


@pytest.mark.parametrize(
    ("changes", "attribute"),
    [({"quantity": 2}, "quantity"), ({"eta": None}, "eta"), ({"status": "received"}, "status")],
)
def test_what_makes_no_sense_for_a_batch_is_refused(mug, po, changes, attribute):
    receive_batch(batch_id=po.pk, quantity=3)
    with pytest.raises(Invalid) as refusal:
        change(po, **changes)
    assert refusal.value.attribute == attribute


# What waits is filled by the next supply


def adding(mug):
    adjust_stock(changes=[Change(mug.product_id, delta=3)])


def counting(mug):
    adjust_stock(changes=[Change(mug.product_id, count=3, expected=0, location="main")])


def ordering(mug):
    order(3, "NEXT", LATER)


def ordering_at_once(mug):
    order(3, "NEXT", eta=None)


def releasing(mug):
    release(reservation_id=Reservation.objects.get(order_reference="other").pk)


def expiring(mug):
    hold_is_over("other")
    expire_reservations(limit=9)


def reversing(mug):
    reverse_movement(movement_id=StockMovement.objects.get(reason="sale").pk)


def transferring(mug):
    transfer_stock(sku="MUG", from_location="shut", to_location="main", quantity=3)


def reopening(mug):
    shut = StockLevel.objects.get(location__code="shut").location
    change_location(location_id=shut.pk, changes={"is_active": True})


@pytest.mark.parametrize(
    "supply",
    [
        adding,
        counting,
        ordering,
        ordering_at_once,
        releasing,
        expiring,
        reversing,
        transferring,
        reopening,
    ],
)
def test_whatever_brings_supply_brings_it_to_the_oldest_that_waits(mug, po, supply):
    adjust_stock(changes=[Change(mug.product_id, delta=3)])
    adjust_stock(changes=[Change(mug.product_id, delta=-3)])
    shut = LocationFactory(code="shut", is_active=False)
    StockLevelFactory(product=mug.product, location=shut, on_hand=3)
    hold(3, "other")
    hold(2, "first")
    hold(2, "second")
    hold_that_is_over = hold(2, "over")
    change(po, quantity=3)  # the others, which are later, wait
    hold_is_over(hold_that_is_over.reservation.order_reference)
    assert [waiting(order) for order in ("first", "second")] == [2, 2]
    supply(mug)
    assert [waiting(order) for order in ("first", "second")] == [0, 1]
    assert shares("over") == []


# Another day


def test_a_new_eta_keeps_the_promises_and_moves_their_dates(mug, po):
    reservation = confirm(reservation_id=hold(4).pk)
    assert reservation.promise_date == SOON
    moved = change(po, eta=LATER)
    assert (moved.eta, moved.allocated, moved.version) == (LATER, 4, 3)
    assert (incoming(mug), shares()) == ((10, LATER), [("PO", 4)])
    assert held(reservation.reservation).promise_date == LATER
    (told,) = Event.objects.filter(type="allocation.changed")
    assert told.data == {
        "order_reference": "1",
        "product_id": str(mug.product_id),
        "sku": "MUG",
        "batch": "PO",
        "quantity": 4,
        "before": {"eta": str(SOON)},
        "after": {"eta": str(LATER)},
    }


def test_who_is_cut_and_moved_at_once_is_told_what_is_left(mug, po):
    hold(4)
    change(po, eta=LATER, quantity=3)
    told = [one.data for one in Event.objects.filter(type="allocation.changed").order_by("pk")]
    assert [one["quantity"] for one in told if "quantity" in one] == [3]


def test_what_is_the_same_already_is_no_change(mug, po):
    events = Event.objects.count()
    assert change(po, eta=SOON, quantity=10, status="incoming").version == 1
    assert Event.objects.count() == events


def test_a_change_that_was_decided_on_another_state_is_refused(mug, po):
    with pytest.raises(VersionMismatch):
        change_batch(batch_id=po.pk, changes={"quantity": 5}, expected_version=2)
    change_batch(batch_id=po.pk, changes={"quantity": 5}, expected_version=1)


# Receiving


def test_what_arrives_goes_to_the_oldest_promises_and_nothing_is_lost_or_doubled(mug, po):
    for name, quantity in (("first", 3), ("second", 4), ("third", 2)):
        hold(quantity, name)
    part = receive_batch(batch_id=po.pk, quantity=5)
    assert (part.status, part.received_quantity, part.allocated) == ("incoming", 5, 4)
    assert [shares(name) for name in ("first", "second", "third")] == [
        [(None, 3)], [(None, 2), ("PO", 2)], [("PO", 2)],
    ]  # fmt: skip
    assert incoming(mug) == (5, SOON)
    assert (mug.on_hand, mug.reserved) == (5, 5)
    whole = receive_batch(batch_id=po.pk)
    assert (whole.status, whole.received_quantity, whole.allocated) == ("received", 10, 0)
    assert [shares(name) for name in ("first", "second", "third")] == [
        [(None, 3)], [(None, 4)], [(None, 2)],
    ]  # fmt: skip
    assert incoming(mug) == (0, None)
    assert (mug.on_hand, mug.reserved) == (10, 9)
    receipts = StockMovement.objects.filter(reason="receipt", reference="PO")
    assert list(receipts.order_by("pk").values_list("delta", flat=True)) == [5, 5]


def test_what_has_arrived_can_be_shipped_though_an_older_hold_that_is_over_wanted_it(mug, po):
    hold(5, "over")
    second = confirm(reservation_id=hold(5, "second").pk)
    hold_is_over("over")
    receive_batch(batch_id=po.pk, quantity=5)
    assert ship(reservation_id=second.pk).reservation.status == "shipped"


def test_more_than_is_outstanding_does_not_arrive(mug, po):
    receive_batch(batch_id=po.pk, quantity=4)
    with pytest.raises(ExceedsOrdered) as refusal:
        receive_batch(batch_id=po.pk, quantity=7)
    assert refusal.value.meta == {"outstanding": 6}
    assert incoming(mug) == (6, SOON)


@pytest.mark.parametrize("end", ["received", "cancelled"])
def test_a_batch_that_has_ended_neither_arrives_nor_changes(mug, po, end):
    receive_batch(batch_id=po.pk) if end == "received" else change(po, status=end)
    for again in (lambda: receive_batch(batch_id=po.pk), lambda: change(po, quantity=11)):
        with pytest.raises(BatchReceived) as refusal:
            again()
        assert refusal.value.meta == {"status": end}


def test_units_are_not_put_on_the_shelf_on_figures_of_another_time(mug, po):
    with pytest.raises(VersionMismatch):
        receive_batch(batch_id=po.pk, quantity=4, expected_version=2)
    assert incoming(mug) == (10, SOON)
    receive_batch(batch_id=po.pk, quantity=4, expected_version=1)
    assert incoming(mug) == (6, SOON)


def test_there_is_nothing_to_do_to_a_batch_that_is_not_there(db):
    for nothing in (
        lambda: receive_batch(batch_id=uuid4()),
        lambda: change_batch(batch_id=uuid4(), changes={"quantity": 1}),
    ):
        with pytest.raises(NotFound):
            nothing()


# When the product has been deleted


@pytest.fixture
def orphan(mug, po) -> Batch:
    delete_product(product_id=mug.product_id)
    return po


def test_a_batch_of_a_deleted_product_is_cut_moved_and_cancelled(mug, orphan):
    assert change(orphan, quantity=4, eta=LATER).quantity == 4
    assert incoming(mug) == (4, LATER)
    assert change(orphan, status="cancelled").status == "cancelled"
    assert incoming(mug) == (0, None)


def test_units_of_a_deleted_product_are_not_received_and_what_to_do_is_told(mug, orphan):
    with pytest.raises(NotFound) as refusal:
        receive_batch(batch_id=orphan.pk)
    assert refusal.value.detail == "The product of this batch has been deleted: cancel the batch."
    mug.refresh_from_db()
    assert (mug.on_hand, mug.incoming) == (0, 10)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_who_has_waited_for_the_deletion_does_not_receive(mug, po):
    has_deleted = threading.Event()

    def deletion_against_receipt(worker):
        if worker:
            assert has_deleted.wait(10)
            return receive_batch(batch_id=po.pk)
        with transaction.atomic():
            delete_product(product_id=mug.product_id)
            has_deleted.set()
            wait_until(somebody_waits_for_a_lock)
        return None

    _, receipt = race(deletion_against_receipt, workers=2)
    assert isinstance(receipt, NotFound)
    assert incoming(mug) == (10, SOON)


def test_a_cancelled_batch_of_a_deleted_product_is_not_to_be_cancelled_again(orphan):
    change(orphan, status="cancelled")
    with pytest.raises(BatchReceived):
        receive_batch(batch_id=orphan.pk)


def test_clients_are_told_to_cancel_a_batch_of_a_deleted_product_and_can(client, orphan):
    address = f"/api/v1/batches/{orphan.pk}"
    refused = client.post(f"{address}/receive", {"quantity": 1}, JSON)
    assert refused.status_code == 404
    assert "cancel the batch" in refused.json()["errors"][0]["detail"]
    assert client.patch(address, {"status": "cancelled"}, JSON).status_code == 200
    assert Batch.objects.get().status == "cancelled"


# What the database refuses


@pytest.mark.parametrize(
    ("model", "broken", "check"),
    [
        (Reservation, {"status": "foo"}, "reservation_status_known"),
        (Batch, {"status": "foo"}, "batch_status_agrees"),
        (Batch, {"quantity": 10**12 + 1}, "batch_quantity_limit"),
        (
            ReservationLine,
            {"quantity": 10**12 + 1, "unallocated": 10**12},
            "reservation_line_quantity_limit",
        ),
    ],
)
def test_the_database_knows_every_status_and_how_many_units_there_can_be(
    mug, po, model, broken, check
):
    hold(1)
    with pytest.raises(IntegrityError, match=check), transaction.atomic():
        model.objects.update(**broken)
    with connection.cursor() as cursor:
        cursor.execute("SELECT convalidated FROM pg_constraint WHERE conname = %s", [check])
        assert cursor.fetchall() == [(True,)]
