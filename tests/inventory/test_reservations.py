"""The life of a hold: all lines or none, until it is shipped, let go, or too late."""

from __future__ import annotations

from datetime import date, timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.test.utils import CaptureQueriesContext

from common.errors import Invalid, NotFound, VersionMismatch
from common.events.models import Event
from inventory.errors import (
    BelowReserved,
    ExceedsOrdered,
    InsufficientStock,
    NotOnHand,
    OrderReferenceConflict,
    ReservationExpired,
    ReservationNotActive,
)
from inventory.models import Location, Reservation, StockLevel, StockMovement
from inventory.operations import (
    Wanted,
    adjust_stock,
    confirm,
    create_batch,
    expire_reservations,
    extend,
    release,
    reserve,
    reverse_movement,
    ship,
    transfer_stock,
)
from inventory.operations.ledger import Ledger
from inventory.queries import Held
from inventory.rules import Change
from products.errors import ProductReserved
from products.operations import delete_product
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promises import what_is_wrong

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def every_promise_can_be_kept(db):
    yield
    assert what_is_wrong() == []


@pytest.fixture
def mug():
    return StockLevelFactory(product__sku="MUG", on_hand=5)


def hold(quantity=2, order="1", sku="MUG", **wishes) -> Held:
    held, is_new = reserve(
        order_reference=order, lines=[Wanted(quantity, sku=sku, place="lines/0")], **wishes
    )
    assert is_new
    return held


def overdue(*held: Held) -> None:
    """Their time is over by the database's clock; nobody has seen to it yet."""
    rows = Reservation.objects.filter(pk__in=[one.pk for one in held])
    rows.update(expires_at=Now() - timedelta(milliseconds=1))


def figures(level: StockLevel) -> tuple[int, int]:
    level.refresh_from_db()
    return level.on_hand, level.reserved


def status(held: Held) -> str:
    return Reservation.objects.get(pk=held.pk).status


# Holding


def test_a_hold_reserves_and_moves_nothing(mug):
    held = hold(2)
    assert figures(mug) == (5, 2)
    assert StockMovement.objects.count() == 1  # the opening
    (line,) = held.lines
    assert (line.sku, line.quantity, line.shipped, line.unallocated) == ("MUG", 2, 0, 0)
    assert held.promise_date == line.today
    assert (held.reservation.status, held.version) == ("active", 1)


def test_a_hold_lasts_a_quarter_of_an_hour_unless_told_otherwise(mug):
    for order, wishes, lasts in (("1", {}, 900), ("2", {"expires_in": timedelta(seconds=5)}, 5)):
        row = hold(1, order, **wishes).reservation
        assert abs((row.expires_at - row.created_at).total_seconds() - lasts) < 1


@pytest.mark.parametrize("time", [timedelta(0), timedelta(seconds=-1), timedelta(days=7.001)])
def test_a_hold_lasts_some_time_and_at_most_a_week(mug, time):
    held = hold(1, expires_in=timedelta(days=7))
    for wrong in (
        lambda: hold(1, "2", expires_in=time),
        lambda: extend(reservation_id=held.pk, expires_in=time),
    ):
        with pytest.raises(Invalid) as refusal:
            wrong()
        assert refusal.value.attribute == "expires_in"


def test_a_product_is_named_in_any_case_or_by_id_and_its_lines_are_added_up(mug):
    lines = [Wanted(1, sku="mUg"), Wanted(2, product_id=mug.product_id), Wanted(1, sku="MUG")]
    held, _ = reserve(order_reference="1", lines=lines)
    assert [(line.sku, line.quantity) for line in held.lines] == [("MUG", 4)]
    with pytest.raises(InsufficientStock) as refusal:
        reserve(order_reference="2", lines=[Wanted(1, sku="mug"), Wanted(1, sku="MUG")])
    assert refusal.value.shortages[0].meta["requested"] == 2


def test_all_lines_or_none_and_every_short_line_is_named(mug):
    pen, cup = (StockLevelFactory(product__sku=sku, on_hand=1).product for sku in ("PEN", "CUP"))
    lines = [
        Wanted(quantity, sku=sku, place=f"lines/{index}")
        for index, (sku, quantity) in enumerate([("PEN", 3), ("MUG", 5), ("CUP", 2)])
    ]
    with pytest.raises(InsufficientStock) as refusal:
        reserve(order_reference="1", lines=lines)
    assert [(one.attribute, one.meta) for one in refusal.value.problems] == [
        ("lines/0", short(pen, requested=3, available=1)),
        ("lines/2", short(cup, requested=2, available=1)),
    ]
    assert figures(mug) == (5, 0)
    assert not Reservation.objects.exists()


def short(product, *, requested, available):
    return {
        "requested": requested,
        "available": available,
        "shortfall": requested - available,
        "product_id": str(product.pk),
        "sku": product.sku,
    }


def test_what_was_never_stocked_is_short(mug):
    never = ProductFactory(sku="NEVER")
    with pytest.raises(InsufficientStock) as refusal:
        hold(1, sku="never", allow_incoming=True)
    (shortage,) = refusal.value.problems
    assert shortage.meta == short(never, requested=1, available=0)


def test_what_does_not_exist_is_not_found_in_its_place(mug):
    for wrong, place in (
        ({"sku": "NONE"}, "lines/1/sku"),
        ({"product_id": uuid4()}, "lines/1/product_id"),
        ({"product_id": mug.product_id, "sku": "NONE"}, "lines/1/product_id"),
    ):
        lines = [Wanted(1, sku="MUG"), Wanted(1, place="lines/1", **wrong)]
        with pytest.raises(NotFound) as refusal:
            reserve(order_reference="1", lines=lines)
        assert refusal.value.attribute == place


def test_a_hold_of_nothing_is_refused(mug):
    with pytest.raises(Invalid):
        reserve(order_reference="1", lines=[])


def test_an_inactive_location_supplies_nothing_new_and_keeps_what_it_promised(mug):
    held = hold(2)
    LocationFactory(code="shut", is_active=False)
    StockLevelFactory(product=mug.product, location__code="shut", on_hand=9)
    Location.objects.filter(pk=mug.location_id).update(is_active=False)
    with pytest.raises(InsufficientStock) as refusal:
        hold(1, "2")
    assert refusal.value.shortages[0].meta["available"] == 0
    ship(reservation_id=held.pk)
    assert figures(mug) == (3, 0)


def test_only_who_allows_it_is_promised_what_is_on_its_way(mug):
    create_batch(reference="PO", quantity=4, sku="MUG", eta=date(2026, 12, 24))
    with pytest.raises(InsufficientStock):
        hold(6)
    held = hold(6, allow_incoming=True)
    (line,) = held.lines
    assert [(share.batch, share.quantity) for share in line.allocations] == [(None, 5), ("PO", 1)]


@pytest.mark.parametrize("incoming", [False, True])
@pytest.mark.slow
def test_a_basket_of_any_size_takes_the_same_number_of_statements(incoming):
    levels = [StockLevelFactory(on_hand=9) for _ in range(50)]
    taken = []
    for lines in (5, 50):
        wanted = [Wanted(1, product_id=level.product_id) for level in levels[:lines]]
        with CaptureQueriesContext(connection) as sent:
            reserve(order_reference=str(lines), lines=wanted, allow_incoming=incoming)
        taken.append(len(sent))
    assert taken[0] == taken[1] <= 10


def test_shipping_a_basket_of_any_size_takes_the_same_number_of_statements():
    levels = [StockLevelFactory(on_hand=9) for _ in range(20)]
    taken = []
    for lines in (2, 20):
        wanted = [Wanted(1, product_id=level.product_id) for level in levels[:lines]]
        held, _ = reserve(order_reference=str(lines), lines=wanted)
        with CaptureQueriesContext(connection) as sent:
            ship(reservation_id=held.pk)
        taken.append(len(sent))
    assert taken[0] == taken[1]


# The same order again


def test_the_same_order_with_the_same_lines_gets_the_hold_that_is_there(mug):
    first = hold(2)
    lines = [Wanted(1, sku="mug"), Wanted(1, sku="MUG")]
    again, is_new = reserve(order_reference="1", lines=lines)
    assert (again.pk, again.version, is_new) == (first.pk, first.version, False)
    confirm(reservation_id=first.pk)
    again, is_new = reserve(order_reference="1", lines=lines)
    assert (again.pk, again.reservation.status, is_new) == (first.pk, "confirmed", False)
    assert figures(mug) == (5, 2)


def test_the_same_order_with_other_lines_is_refused(mug):
    StockLevelFactory(product__sku="PEN", on_hand=1)
    hold(2)
    for lines in ([Wanted(3, sku="MUG")], [Wanted(2, sku="MUG"), Wanted(1, sku="PEN")]):
        with pytest.raises(OrderReferenceConflict) as refusal:
            reserve(order_reference="1", lines=lines)
        assert refusal.value.meta == {"status": "active"}


@pytest.mark.parametrize("end", [release, ship])
def test_the_reference_of_an_order_that_has_ended_is_free_again(mug, end):
    first = hold(2)
    end(reservation_id=first.pk)
    assert hold(3).pk != first.pk


def test_an_overdue_hold_of_the_same_order_ends_and_a_new_one_is_made(mug):
    first = hold(5)
    overdue(first)
    second = hold(4)
    assert (status(first), status(second)) == ("expired", "active")
    assert figures(mug) == (5, 4)
    assert Event.objects.filter(type="reservation.expired").count() == 1


# Confirming, extending, letting go


def test_a_confirmed_hold_does_not_expire(mug):
    held = confirm(reservation_id=hold().pk)
    assert (held.reservation.status, held.reservation.expires_at) == ("confirmed", None)
    assert expire_reservations(limit=9) == 0
    assert figures(mug) == (5, 2)


def test_a_hold_is_extended_from_now_on_as_long_as_it_is_active(mug):
    held = hold(expires_in=timedelta(days=7))
    shorter = extend(reservation_id=held.pk, expires_in=timedelta(minutes=1))
    assert shorter.reservation.expires_at < held.reservation.expires_at
    assert shorter.version == 2
    confirm(reservation_id=held.pk)
    with pytest.raises(ReservationNotActive) as refusal:
        extend(reservation_id=held.pk)
    assert refusal.value.meta == {"status": "confirmed"}


def test_what_is_released_is_free_again(mug):
    held = release(reservation_id=hold(5).pk)
    assert (held.reservation.status, figures(mug)) == ("released", (5, 0))
    assert [line.allocations for line in held.lines] == [[]]


@pytest.mark.parametrize("act", [confirm, release, ship])
def test_an_action_again_has_no_effect(mug, act):
    held = hold(2)
    once = act(reservation_id=held.pk)
    events = Event.objects.count()
    again = act(reservation_id=held.pk)
    assert (again.version, again.reservation.status) == (once.version, once.reservation.status)
    assert Event.objects.count() == events


@pytest.mark.parametrize(
    ("first", "then", "named"),
    [
        (release, confirm, "released"),
        (release, extend, "released"),
        (release, ship, "released"),
        (ship, release, "shipped"),
        (ship, extend, "shipped"),
    ],
)
def test_what_has_ended_does_not_begin_again(mug, first, then, named):
    held = hold(2)
    first(reservation_id=held.pk)
    with pytest.raises(ReservationNotActive) as refusal:
        then(reservation_id=held.pk)
    assert refusal.value.meta == {"status": named}


@pytest.mark.parametrize("act", [confirm, extend, release, ship])
def test_there_is_nothing_to_do_with_a_hold_that_does_not_exist(act):
    with pytest.raises(NotFound):
        act(reservation_id=uuid4())


# Shipping


def test_a_shipment_lowers_on_hand_and_reserved_together(mug):
    held = ship(reservation_id=confirm(reservation_id=hold(2).pk).pk)
    assert (held.reservation.status, held.lines[0].shipped) == ("shipped", 2)
    assert figures(mug) == (3, 0)
    movement = StockMovement.objects.latest("pk")
    assert (movement.delta, movement.reason, movement.reference) == (-2, "shipment", "1")


def test_an_active_hold_is_shipped_without_being_confirmed_first(mug):
    assert ship(reservation_id=hold(2).pk).reservation.status == "shipped"


def test_a_part_is_shipped_and_the_rest_stays_confirmed(mug):
    held = hold(5)
    first = ship(reservation_id=held.pk, lines=[Wanted(1, sku="mug"), Wanted(1, sku="MUG")])
    assert (first.reservation.status, first.lines[0].shipped) == ("confirmed", 2)
    assert first.reservation.expires_at is None
    assert figures(mug) == (3, 3)
    rest = ship(reservation_id=held.pk)
    assert (rest.reservation.status, rest.lines[0].shipped) == ("shipped", 5)
    assert figures(mug) == (0, 0)


def test_the_rest_of_a_part_that_was_shipped_can_be_released(mug):
    held = hold(5)
    ship(reservation_id=held.pk, lines=[Wanted(2, sku="MUG")])
    assert release(reservation_id=held.pk).reservation.status == "released"
    assert figures(mug) == (3, 0)


def test_a_line_is_shipped_from_every_location_that_holds_it(mug):
    StockLevelFactory(product=mug.product, location__code="north", on_hand=4)
    ship(reservation_id=hold(7).pk)
    assert sorted(StockLevel.objects.values_list("on_hand", "reserved")) == [(0, 0), (2, 0)]


def test_no_more_is_shipped_than_is_outstanding(mug):
    ProductFactory(sku="PEN")
    held = hold(3)
    ship(reservation_id=held.pk, lines=[Wanted(1, sku="MUG")])
    for quantity, sku, outstanding in ((3, "MUG", 2), (1, "PEN", 0)):
        with pytest.raises(ExceedsOrdered) as refusal:
            ship(reservation_id=held.pk, lines=[Wanted(quantity, sku=sku, place="lines/0")])
        assert refusal.value.meta == {"outstanding": outstanding}
        assert refusal.value.attribute == "lines/0/quantity"
    assert figures(mug) == (4, 2)


def test_what_is_still_on_a_batch_is_not_shipped(mug):
    create_batch(reference="PO", quantity=4, sku="MUG", eta=date(2026, 12, 24))
    held = hold(6, allow_incoming=True)
    with pytest.raises(NotOnHand) as refusal:
        ship(reservation_id=held.pk)
    assert refusal.value.meta == {"on_hand": 5, "requested": 6, "sku": "MUG"}
    assert figures(mug) == (5, 5)
    assert refusal.value.attribute is None
    with pytest.raises(NotOnHand) as refusal:
        ship(reservation_id=held.pk, lines=[Wanted(6, sku="MUG", place="lines/0")])
    assert refusal.value.attribute == "lines/0/quantity"
    part = ship(reservation_id=held.pk, lines=[Wanted(5, sku="MUG")])
    assert (part.reservation.status, figures(mug)) == ("confirmed", (0, 0))


@pytest.mark.parametrize("act", [confirm, extend, release, ship])
def test_who_has_seen_another_version_does_nothing(mug, act):
    held = hold(2)
    confirmed = confirm(reservation_id=held.pk, expected_version=1)
    assert confirmed.version == 2
    with pytest.raises(VersionMismatch):
        act(reservation_id=held.pk, expected_version=1)
    assert (status(held), figures(mug)) == ("confirmed", (5, 2))


# Too late


@pytest.mark.parametrize("act", [confirm, extend, ship])
@pytest.mark.parametrize("is_swept", [False, True])
def test_a_hold_past_its_time_is_neither_confirmed_nor_extended_nor_shipped(mug, act, is_swept):
    held = hold(2)
    overdue(held)
    if is_swept:
        assert expire_reservations(limit=9) == 1
    with pytest.raises(ReservationExpired) as refusal:
        act(reservation_id=held.pk)
    assert refusal.value.meta == {"status": "expired"}


def test_letting_go_of_a_hold_past_its_time_ends_it_as_expired(mug):
    held = hold(2)
    overdue(held)
    ended = release(reservation_id=held.pk)
    assert ended.reservation.status == "expired"
    assert Event.objects.filter(type="reservation.expired", subject_id=held.pk).count() == 1
    assert not Event.objects.filter(type="reservation.released").exists()
    mug.refresh_from_db()
    assert mug.reserved == 0


def test_the_sweeper_ends_what_is_overdue_the_oldest_first_and_no_more_than_it_may(mug):
    held = [hold(1, str(number)) for number in range(4)]
    overdue(held[2])
    overdue(held[0])
    assert [expire_reservations(limit=1) for _ in range(3)] == [1, 1, 0]
    assert [status(one) for one in held] == ["expired", "active", "expired", "active"]
    assert figures(mug) == (5, 2)


def north_of(mug):
    return StockLevelFactory(product=mug.product, location__code="north")


def reserving(mug):
    hold(4, "new")


def taking(mug):
    adjust_stock(changes=[Change(mug.product_id, delta=-4)])


def counting(mug):
    adjust_stock(changes=[Change(mug.product_id, count=1, expected=5)])


def transferring(mug):
    north_of(mug)
    transfer_stock(sku="MUG", from_location="main", to_location="north", quantity=4)


def reversing(mug):
    reverse_movement(movement_id=mug.movements.get().pk)


@pytest.mark.parametrize("decide", [reserving, taking, counting, transferring, reversing])
def test_nothing_is_refused_because_of_a_hold_past_its_time(mug, decide):
    held = hold(5)
    overdue(held)
    decide(mug)
    assert status(held) == "active"  # the sweeper has not been there yet
    assert expire_reservations(limit=9) == 1
    assert StockLevel.objects.filter(reserved__gt=0).exists() is (decide is reserving)


@pytest.mark.parametrize(
    ("decide", "refusal"),
    [
        (reserving, InsufficientStock),
        (taking, InsufficientStock),
        (counting, BelowReserved),
        (transferring, InsufficientStock),
        (reversing, InsufficientStock),
    ],
)
def test_a_hold_that_still_has_time_is_in_the_way(mug, decide, refusal):
    """Negative control."""
    hold(5)
    with pytest.raises(refusal):
        decide(mug)


def test_what_the_overdue_gave_up_and_nobody_took_goes_to_who_waits(mug):
    late, first = hold(2, "late"), hold(3, "first")
    adjust_stock(changes=[Change(mug.product_id, count=2, expected=5, release_latest=True)])
    assert waiting("first") == 3
    overdue(late)
    hold(1, "new")
    assert (waiting("first"), status(first)) == (2, "active")


def waiting(order: str) -> int:
    (line,) = Reservation.objects.open().get(order_reference=order).lines.all()
    return line.unallocated


# Counts


def test_a_count_below_what_is_promised_names_the_orders_but_not_the_overdue_ones(mug):
    late, _, _ = hold(1, "late"), hold(2, "first"), hold(2, "second")
    overdue(late)
    with pytest.raises(BelowReserved) as refusal:
        adjust_stock(changes=[Change(mug.product_id, count=3, expected=5)])
    assert refusal.value.meta["reserved"] == 4
    assert [one["order_reference"] for one in refusal.value.meta["holds"]] == ["second", "first"]


def test_a_count_may_take_the_latest_promises_back_which_look_elsewhere(mug):
    hold(2, "first")
    hold(3, "second", allow_incoming=True)
    create_batch(reference="PO", quantity=2, sku="MUG", eta=date(2026, 12, 24))
    adjust_stock(changes=[Change(mug.product_id, count=1, expected=5, release_latest=True)])
    assert figures(mug) == (1, 1)
    assert (waiting("first"), waiting("second")) == (1, 1)
    freed = Event.objects.filter(type="allocation.changed").order_by("pk")
    assert [(one.data["order_reference"], one.data["unallocated"]) for one in freed] == [
        ("first", 1), ("second", 1),
    ]  # fmt: skip


def test_a_count_takes_from_the_overdue_before_it_takes_from_others(mug):
    late = hold(3, "late")
    hold(2, "kept")
    overdue(late)
    adjust_stock(changes=[Change(mug.product_id, count=2, expected=5, release_latest=True)])
    assert (figures(mug), waiting("kept")) == ((2, 2), 0)


def test_counts_of_one_product_at_several_places_take_back_together(mug):
    north_of(mug)
    transfer_stock(sku="MUG", from_location="main", to_location="north", quantity=2)
    hold(3, "first")
    wishes = [
        Change(mug.product_id, count=units, expected=seen, location=at, release_latest=True)
        for units, seen, at in ((1, 3, "main"), (1, 2, "north"))
    ]
    adjust_stock(changes=wishes)
    assert waiting("first") == 1  # what the first count freed is not promised from the second


# Products that are deleted


def test_a_product_that_is_promised_is_not_deleted(mug):
    held = hold(2)
    with pytest.raises(ProductReserved) as refusal:
        delete_product(product_id=mug.product_id)
    assert refusal.value.meta == {"orders": ["1"]}
    ship(reservation_id=held.pk)
    delete_product(product_id=mug.product_id)


def test_a_product_that_only_overdue_holds_want_is_deleted_and_the_sweeper_tidies(mug):
    held = hold(2)
    overdue(held)
    delete_product(product_id=mug.product_id)
    assert expire_reservations(limit=9) == 1
    assert (status(held), figures(mug)) == ("expired", (5, 0))


# A level that another has made meanwhile


def test_a_level_that_was_made_while_one_waited_for_the_others_is_counted_too(mug):
    """The ledger was read before the level was there; what it promised is let go all the same."""
    ledger = Ledger.locked([mug.product_id])
    north = StockLevelFactory(product=mug.product, location__code="north", on_hand=9)
    held = hold(6)
    (allocation,) = held.reservation.lines.get().allocations.select_related("line")
    assert allocation.stock_level_id == north.pk
    ledger.promises.free({allocation: 6})
    ledger.write()
    assert figures(north) == (9, 0)
    held.reservation.lines.update(unallocated=0)
    Reservation.objects.update(status="released")
