"""Stock is put where, or on what, somebody deletes or renames at the same moment.

The one who puts has looked at the product and the location; before its commit the other begins.
Each race stands beside a negative control, in which what was looked at is not kept.
"""

from threading import Event

import pytest
from django.db import IntegrityError, transaction

from common.errors import Duplicate, NotFound
from inventory import operations
from inventory.errors import LocationInUse
from inventory.models import Location, StockLevel, StockMovement
from inventory.querysets import LocationQuerySet
from inventory.rules import Change
from products.operations import delete_product
from products.querysets import ProductQuerySet
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import race, somebody_waits_for_a_lock
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

PATIENCE = 10


def opening(product, place):
    return operations.open_inventory(product_id=product.pk, quantity=1, location=place.code)


def adding(product, place):
    wish = Change(product_id=product.pk, delta=1, location=place.code)
    return operations.adjust_stock(changes=[wish])


def transferring(product, place):
    return operations.transfer_stock(
        product_id=product.pk, from_location="main", to_location=place.code, quantity=1
    )


WAYS = [opening, adding, transferring]


def stocked_product():
    return StockLevelFactory(on_hand=5).product


@pytest.fixture
def looked(monkeypatch):
    """Whoever looks at the place tells so, and goes on when ``until`` is true."""
    has_looked = Event()
    find = LocationQuerySet.named

    def look_and_wait(until, rows=LocationQuerySet.kept):
        def kept(locations, code_or_id):
            found = rows(locations, code_or_id)
            if code_or_id == "north":
                has_looked.set()
                wait_until(until)
            return found

        monkeypatch.setattr(LocationQuerySet, "kept", kept)
        return has_looked

    look_and_wait.without_keeping = lambda until: look_and_wait(until, find)
    return look_and_wait


@pytest.mark.parametrize("put", WAYS)
def test_a_location_does_not_vanish_under_the_stock_that_comes(looked, put):
    product, place = stocked_product(), LocationFactory(code="north")
    has_looked = looked(somebody_waits_for_a_lock)

    def delete():
        assert has_looked.wait(PATIENCE)
        operations.delete_location(location_id=place.pk)

    refused, done = race(lambda n: put(product, place) if n else delete(), workers=2)
    assert isinstance(refused, LocationInUse)
    assert not isinstance(done, Exception)
    assert StockLevel.objects.get(location=place).on_hand == 1


@pytest.mark.parametrize("put", WAYS)
def test_a_location_that_is_merely_looked_at_vanishes(looked, put):
    """Negative control: it ends with an error instead of a refusal."""
    product, place = stocked_product(), LocationFactory(code="north")
    is_deleted = Event()
    has_looked = looked.without_keeping(is_deleted.is_set)

    def delete():
        assert has_looked.wait(PATIENCE)
        operations.delete_location(location_id=place.pk)
        is_deleted.set()

    outcomes = race(lambda n: put(product, place) if n else delete(), workers=2)
    assert isinstance(outcomes[1], IntegrityError | StockLevel.DoesNotExist)


@pytest.mark.parametrize("put", WAYS)
def test_no_stock_comes_to_a_location_that_is_being_deleted(put):
    product, place = stocked_product(), LocationFactory(code="north")
    is_deleting = Event()

    def delete():
        with transaction.atomic():
            operations.delete_location(location_id=place.pk)
            is_deleting.set()
            wait_until(somebody_waits_for_a_lock)

    def come():
        assert is_deleting.wait(PATIENCE)
        return put(product, place)

    _, refused = race(lambda n: come() if n else delete(), workers=2)
    assert isinstance(refused, NotFound)
    assert StockMovement.objects.filter(product=product).count() == 1


@pytest.mark.parametrize("quantity", [0, 7])
def test_a_product_that_is_being_deleted_gets_no_stock(quantity):
    product = ProductFactory()
    Location.objects.default()
    is_deleting = Event()

    def delete():
        with transaction.atomic():
            delete_product(product_id=product.pk)
            is_deleting.set()
            wait_until(somebody_waits_for_a_lock)

    def come():
        assert is_deleting.wait(PATIENCE)
        return operations.open_inventory(product_id=product.pk, quantity=quantity)

    _, refused = race(lambda n: come() if n else delete(), workers=2)
    assert isinstance(refused, NotFound)
    assert not StockLevel.objects.exists()


def test_a_product_that_is_merely_looked_at_gets_stock_after_its_end(monkeypatch):
    """Negative control."""
    product = ProductFactory()
    Location.objects.default()
    has_looked, is_deleted = Event(), Event()

    def look(products, product_id):
        found = products.living().filter(pk=product_id).first()
        has_looked.set()
        assert is_deleted.wait(PATIENCE)
        return found

    monkeypatch.setattr(ProductQuerySet, "kept", look)

    def delete():
        assert has_looked.wait(PATIENCE)
        delete_product(product_id=product.pk)
        is_deleted.set()

    def come():
        return operations.open_inventory(product_id=product.pk, quantity=7)

    race(lambda n: come() if n else delete(), workers=2)
    assert StockLevel.objects.filter(product__deleted_at__isnull=False).exists()


def test_of_several_that_want_one_code_one_gets_it():
    places = [LocationFactory(code=f"place-{number}") for number in range(8)]

    def rename(number):
        return operations.change_location(
            location_id=places[number].pk, changes={"code": "the-same"}
        )

    outcomes = race(rename, workers=len(places))
    assert sum(isinstance(outcome, Location) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Duplicate) for outcome in outcomes) == len(places) - 1
