"""Any sequence of operations: after every step all that was promised can be kept."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from django.db import transaction
from django.db.models.functions import Now
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from common.errors import DomainError
from inventory import operations, queries
from inventory.errors import InsufficientStock
from inventory.models import Batch, Location, Reservation, StockLevel, StockMovement, Transfer
from inventory.operations import Wanted
from inventory.rules import Change
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promises import what_is_wrong

pytestmark = pytest.mark.django_db

PLACES = ["main", "north", "shut"]
TODAY = date(2026, 11, 21)
PAST = timedelta(seconds=-1)

places = st.sampled_from(PLACES)
skus = st.sampled_from(["MUG", "PEN"])
few = st.integers(1, 6)
any_of = st.integers(0, 50)
etas = st.integers(-2, 9).map(lambda days: TODAY + timedelta(days=days))


class Shop(RuleBasedStateMachine):
    """Two products at two locations and a shut one; everybody does what they like.

    All in one transaction, as requests with an idempotency key do it: a refusal must leave behind
    nothing that is half done.
    """

    def __init__(self) -> None:
        super().__init__()
        self.undone = transaction.atomic()
        self.undone.__enter__()
        self.products = {}
        LocationFactory(code="north", priority=50)
        LocationFactory(code="shut", is_active=False)
        for sku in ("MUG", "PEN"):
            product = ProductFactory(sku=sku)
            self.products[sku] = product.pk
            StockLevelFactory(product=product, on_hand=4)

    def teardown(self) -> None:
        transaction.set_rollback(True)
        self.undone.__exit__(None, None, None)

    def attempt(self, operation, **wishes) -> None:
        try:
            operation(**wishes)
        except DomainError:
            return

    @invariant()
    def nothing_is_wrong(self) -> None:
        assert what_is_wrong() == []

    def one(self, rows, number):
        """One of the rows, when there are any."""
        found = list(rows.order_by("pk"))
        return found[number % len(found)] if found else None

    # Holds

    @rule(order=st.integers(1, 5), mugs=few, pens=st.integers(0, 3), incoming=st.booleans())
    def reserve(self, order, mugs, pens, incoming) -> None:
        lines = [Wanted(mugs, sku="mug")] + ([Wanted(pens, sku="PEN")] if pens else [])
        asked = operations.summed(lines).values()
        expected = queries.availability(asked, with_incoming=incoming)
        is_open = Reservation.objects.open().filter(order_reference=str(order)).exists()
        try:
            operations.reserve(order_reference=str(order), lines=lines, allow_incoming=incoming)
        except InsufficientStock as refusal:
            if not is_open:
                told = {one.meta["sku"]: one.meta["available"] for one in refusal.shortages}
                assert told == {one.sku: one.available for one in expected.lines if one.shortfall}
        except DomainError:
            return
        else:
            assert is_open or not any(line.shortfall for line in expected.lines)

    @rule(number=any_of)
    def confirm(self, number) -> None:
        if held := self.one(Reservation.objects.all(), number):
            self.attempt(operations.confirm, reservation_id=held.pk)

    @rule(number=any_of)
    def extend(self, number) -> None:
        if held := self.one(Reservation.objects.open(), number):
            self.attempt(operations.extend, reservation_id=held.pk)

    @rule(number=any_of)
    def release(self, number) -> None:
        if held := self.one(Reservation.objects.open(), number):
            self.attempt(operations.release, reservation_id=held.pk)

    @rule(number=any_of)
    def ship_all(self, number) -> None:
        if held := self.one(Reservation.objects.open(), number):
            self.attempt(operations.ship, reservation_id=held.pk)

    @rule(number=any_of, sku=skus, quantity=few)
    def ship(self, number, sku, quantity) -> None:
        if held := self.one(Reservation.objects.open(), number):
            lines = [Wanted(quantity, sku=sku)]
            self.attempt(operations.ship, reservation_id=held.pk, lines=lines)

    @rule(number=any_of)
    def let_time_pass(self, number) -> None:
        if held := self.one(Reservation.objects.filter(status="active"), number):
            Reservation.objects.filter(pk=held.pk).update(expires_at=Now() + PAST)

    @rule(limit=st.integers(1, 3))
    def sweep(self, limit) -> None:
        operations.expire_reservations(limit=limit)

    # Stock

    @rule(sku=skus, delta=st.integers(-5, 5).filter(bool), at=st.none() | places)
    def adjust(self, sku, delta, at) -> None:
        change = Change(self.products[sku], delta=delta, location=at)
        self.attempt(operations.adjust_stock, changes=[change])

    @rule(wishes=st.lists(st.tuples(skus, places, st.integers(0, 6)), min_size=1, max_size=3))
    def count(self, wishes) -> None:
        changes = [
            Change(
                self.products[sku], count=units, is_guarded=True, location=at, release_latest=True
            )
            for sku, at, units in wishes
        ]
        self.attempt(operations.adjust_stock, changes=changes)

    @rule(sku=skus, units=st.integers(0, 6), at=places)
    def count_strictly(self, sku, units, at) -> None:
        change = Change(self.products[sku], count=units, is_guarded=True, location=at)
        self.attempt(operations.adjust_stock, changes=[change])

    @rule(sku=skus, there=places, back=places, quantity=few)
    def transfer(self, sku, there, back, quantity) -> None:
        wish = {"sku": sku, "from_location": there, "to_location": back, "quantity": quantity}
        self.attempt(operations.transfer_stock, **wish)

    @rule(number=any_of)
    def reverse(self, number) -> None:
        if movement := self.one(StockMovement.objects.filter(transfer=None), number):
            self.attempt(operations.reverse_movement, movement_id=movement.pk)

    @rule(number=any_of)
    def reverse_transfer(self, number) -> None:
        if transfer := self.one(Transfer.objects.all(), number):
            self.attempt(operations.reverse_transfer, transfer_id=transfer.pk)

    # Batches

    @rule(sku=skus, quantity=few, eta=st.none() | etas, at=places)
    def order(self, sku, quantity, eta, at) -> None:
        number = Batch.objects.count()
        operations.create_batch(
            reference=f"PO-{number}", quantity=quantity, sku=sku, location=at, eta=eta
        )

    @rule(number=any_of, quantity=few)
    def cut(self, number, quantity) -> None:
        if batch := self.one(Batch.objects.incoming(), number):
            self.attempt(operations.change_batch, batch_id=batch.pk, changes={"quantity": quantity})

    @rule(number=any_of, eta=etas, quantity=few)
    def move(self, number, eta, quantity) -> None:
        if batch := self.one(Batch.objects.incoming(), number):
            changes = {"eta": eta, "quantity": quantity}
            self.attempt(operations.change_batch, batch_id=batch.pk, changes=changes)

    @rule(number=any_of)
    def cancel(self, number) -> None:
        if batch := self.one(Batch.objects.incoming(), number):
            changes = {"status": "cancelled"}
            self.attempt(operations.change_batch, batch_id=batch.pk, changes=changes)

    @rule(number=any_of, quantity=st.none() | few)
    def receive(self, number, quantity) -> None:
        if batch := self.one(Batch.objects.incoming(), number):
            self.attempt(operations.receive_batch, batch_id=batch.pk, quantity=quantity)

    # Locations

    @rule(at=st.sampled_from(["north", "shut"]), is_active=st.booleans())
    def open_or_shut(self, at, is_active) -> None:
        location = Location.objects.get(code=at)
        operations.change_location(location_id=location.pk, changes={"is_active": is_active})


def play(*, examples: int, steps: int) -> None:
    calm = [HealthCheck.too_slow, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Shop,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            phases=[Phase.generate],  # to make a failure small takes minutes: by hand
            suppress_health_check=calm,
        ),
    )


@pytest.mark.slow
def test_whatever_is_done_in_whatever_order_every_promise_can_be_kept():
    play(examples=4, steps=20)


@pytest.mark.slow
def test_and_for_many_more_orders():
    play(examples=60, steps=50)


def test_a_promise_that_is_lost_is_noticed():
    """Negative control: what the checks above look at can be wrong."""
    level = StockLevelFactory(on_hand=4)
    operations.reserve(order_reference="1", lines=[Wanted(2, product_id=level.product_id)])
    assert what_is_wrong() == []
    StockLevel.objects.update(reserved=1)
    assert what_is_wrong() == [f"{level}: 1 reserved, 2 allocated"]
