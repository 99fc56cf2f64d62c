"""Writing products: versions, events, refusals, and what happens at the same time."""

from __future__ import annotations

from decimal import Decimal
from threading import Barrier
from uuid import uuid4

import pytest
from django.db import IntegrityError, transaction

from common.errors import Duplicate, Invalid, NotFound, VersionMismatch
from common.events.models import Event as Fact
from common.observability.context import acting_as
from products import extensions, operations
from products.errors import ProductReserved
from products.models import Product
from tests.factories import CategoryFactory, ProductFactory
from tests.racing import race

pytestmark = pytest.mark.django_db

MUG = {"name": "Mug", "description": "Red", "price": Decimal("4.00")}


def create(**attributes):
    return operations.create_product(**MUG | attributes)


def change(product, expected_version=None, **changes):
    return operations.change_product(
        product_id=product.pk, changes=changes, expected_version=expected_version
    )


def facts(kind):
    return list(Fact.objects.filter(type=kind).order_by("pk"))


def test_a_product_begins_active_at_version_one():
    product = Product.objects.get(pk=create().pk)
    assert (product.status, product.version, product.images) == ("active", 1, [])
    assert (product.barcode, product.category, product.deleted_at) == (None, None, None)
    assert product.created_at == product.updated_at
    assert product.pk.version == 7


def test_a_product_without_a_sku_gets_one():
    assert create().sku != create().sku


def test_every_creation_is_one_event_with_its_cause():
    with acting_as("tester", "request-1"):
        product = create(sku="mug", category_id=CategoryFactory().pk)
    (fact,) = facts("product.created")
    assert (fact.subject_type, fact.subject_id) == ("products", str(product.pk))
    assert (fact.actor, fact.request_id) == ("tester", "request-1")
    assert fact.data["after"] == {
        "sku": "MUG",
        "name": "Mug",
        "description": "Red",
        "price": "4.00",
        "images": [],
        "barcode": None,
        "status": "active",
        "category_id": str(product.category_id),
    }


def test_every_change_is_one_event_with_what_was_and_what_is():
    product = create()
    before = product.updated_at
    with acting_as("tester", "request-2"):
        changed = change(product, name="Cup", price=Decimal("4.00"), images=["https://a.example"])
    (fact,) = facts("product.updated")
    assert fact.data == {
        "before": {"images": [], "name": "Mug"},
        "after": {"images": ["https://a.example"], "name": "Cup"},
    }
    assert (fact.actor, fact.request_id) == ("tester", "request-2")
    assert changed.version == 2
    assert changed.updated_at > before
    stored = Product.objects.get()
    assert (stored.name, stored.version, stored.updated_at) == ("Cup", 2, changed.updated_at)


@pytest.mark.parametrize(
    "same",
    [
        {},
        {"name": "Mug"},
        {"price": Decimal("4")},
        {"sku": "mug"},
        {"barcode": None},
        {"images": []},
        {"category_id": None},
    ],
)
def test_a_change_to_what_is_so_already_is_none(same):
    product = create(sku="MUG")
    assert change(product, **same).version == 1
    assert not facts("product.updated")
    assert Product.objects.get().updated_at == product.updated_at


def test_a_deletion_is_one_event_and_keeps_the_row():
    product = create(sku="MUG", barcode="96385074")
    operations.delete_product(product_id=product.pk)
    (fact,) = facts("product.deleted")
    assert fact.data["before"]["sku"] == "MUG"
    product.refresh_from_db()
    assert product.deleted_at is not None
    assert product.version == 2
    assert not Product.objects.living().exists()
    again = create(sku="MUG", barcode="96385074")  # both are free again
    assert again.pk != product.pk


@pytest.mark.parametrize(
    "action",
    [
        lambda pk: operations.change_product(product_id=pk, changes={"name": "Cup"}),
        lambda pk: operations.delete_product(product_id=pk),
    ],
)
def test_what_is_not_there_is_neither_changed_nor_deleted(action):
    gone = create()
    operations.delete_product(product_id=gone.pk)
    for product_id in (uuid4(), gone.pk):
        with pytest.raises(NotFound):
            action(product_id)


def test_a_version_that_is_gone_is_refused():
    product = create()
    change(product, expected_version=1, name="Cup")
    with pytest.raises(VersionMismatch):
        change(product, expected_version=1, name="Pot")
    with pytest.raises(VersionMismatch):
        operations.delete_product(product_id=product.pk, expected_version=1)
    assert Product.objects.get().name == "Cup"


@pytest.mark.parametrize(("attribute", "taken"), [("sku", "MUG"), ("barcode", "96385074")])
def test_a_taken_key_is_refused_and_the_transaction_goes_on(attribute, taken):
    create(**{attribute: taken})
    other = create()
    with transaction.atomic():
        for attempt in (
            lambda: create(**{attribute: taken}),
            lambda: change(other, **{attribute: taken}),
        ):
            with pytest.raises(Duplicate) as refusal:
                attempt()
            assert refusal.value.attribute == attribute
        create(name="Still possible")
    assert Product.objects.count() == 3
    assert len(facts("product.created")) == 3
    assert not facts("product.updated")


@pytest.mark.parametrize(
    "wrong",
    [
        {"sku": "a b"},
        {"barcode": "1"},
        {"images": ["javascript:alert(1)"]},
        {"category_id": uuid4()},
    ],
)
def test_a_refusal_leaves_nothing_behind(wrong):
    product = create()
    for attempt in (lambda: create(**wrong), lambda: change(product, **wrong)):
        with pytest.raises((Invalid, NotFound)):
            attempt()
    assert Product.objects.count() == Fact.objects.count() == 1
    product.refresh_from_db()
    assert product.version == 1


def test_whoever_guards_a_product_can_keep_it_from_being_deleted(monkeypatch):
    product, seen = create(), []

    def guard(locked):
        seen.append(locked.pk)
        raise ProductReserved("Release it first.")

    monkeypatch.setattr(extensions, "deletion_guards", [guard])
    with pytest.raises(ProductReserved):
        operations.delete_product(product_id=product.pk)
    assert seen == [product.pk]
    assert Product.objects.living().exists()
    assert not facts("product.deleted")


@pytest.mark.parametrize(
    "columns",
    [
        {"sku": "lower"},
        {"sku": ""},
        {"price": Decimal("0")},
        {"price": Decimal("-1")},
        {"name": ""},
        {"description": ""},
        {"barcode": "12"},
        {"barcode": "abcdefgh"},
        {"status": "bogus"},
        {"images": ["x"] * 21},
    ],
)
def test_the_database_refuses_what_the_code_forgot(columns):
    with pytest.raises(IntegrityError), transaction.atomic():
        ProductFactory(**columns)


def test_only_living_products_share_their_keys_with_nobody():
    ProductFactory(sku="MUG", barcode="96385074", deleted_at="2026-01-01T00:00Z")
    ProductFactory(sku="MUG", barcode="96385074")
    with pytest.raises(IntegrityError), transaction.atomic():
        ProductFactory(sku="MUG")


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_of_eight_who_want_a_sku_one_gets_it():
    outcomes = race(lambda _: create(sku="MUG"), workers=8)
    assert sum(isinstance(one, Product) for one in outcomes) == 1
    assert sum(isinstance(one, Duplicate) for one in outcomes) == 7
    assert len(facts("product.created")) == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_no_change_is_lost_among_eight_at_once():
    product = create()
    outcomes = race(lambda n: change(product, description=f"Number {n}"), workers=8)
    assert sorted(one.version for one in outcomes) == list(range(2, 10))
    assert Product.objects.get().version == 9
    chained = [fact.data for fact in facts("product.updated")]
    after = {fact["after"]["description"] for fact in chained}
    assert len(after) == 8
    assert {fact["before"]["description"] for fact in chained} < after | {"Red"}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_changes_at_once_are_lost(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    product, everyone_has_read = create(), Barrier(4, timeout=10)
    find = operations._locked_product

    def read_and_wait(*args):
        found = find(*args)
        everyone_has_read.wait()
        return found

    monkeypatch.setattr(operations.Product.objects.all().__class__, "locked", lambda rows: rows)
    monkeypatch.setattr(operations, "_locked_product", read_and_wait)
    race(lambda n: change(product, description=f"Number {n}"), workers=4)
    assert Product.objects.get().version == 2
