"""Writing to the catalogue: versions, events, refusals, and what happens at the same time."""

from __future__ import annotations

from decimal import Decimal
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from common.errors import Duplicate, Invalid, NotFound, VersionMismatch
from common.events.models import Event as Fact
from common.observability.context import acting_as
from products import extensions, operations
from products.errors import CategoryInUse, ProductReserved
from products.models import Category, Product
from tests.factories import CategoryFactory, ProductFactory
from tests.racing import race
from tests.waiting import wait_until

pytestmark = pytest.mark.django_db

MUG = {"name": "Mug", "description": "Red", "price": Decimal("4.00")}


def create(**attributes):
    return operations.create_product(**MUG | attributes)


def change(product, expected_version=None, **changes):
    return operations.change_product(
        product_id=product.pk, changes=changes, expected_version=expected_version
    )


def somebody_waits_for_a_lock():
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
        return cursor.fetchone()[0] > 0


def facts(kind):
    return list(Fact.objects.filter(type=kind).order_by("pk"))


# Products


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


# Categories


def place(category, parent):
    return operations.change_category(
        category_id=category.pk, changes={"parent_id": parent and parent.pk}
    )


def test_a_slug_is_made_from_the_name_unless_given():
    assert operations.create_category(name="Mugs & Cups").slug == "mugs-cups"
    assert operations.create_category(name="Mugs", slug="Other Mugs").slug == "other-mugs"
    with pytest.raises(Duplicate) as refusal:
        operations.create_category(name="Mugs, cups")
    assert refusal.value.attribute == "slug"
    with pytest.raises(Invalid) as unspeakable:
        operations.create_category(name="\u65e5\u672c")
    assert unspeakable.value.attribute == "slug"


def test_a_category_is_renamed_and_keeps_its_slug():
    category = operations.create_category(name="Mugs")
    changed = operations.change_category(category_id=category.pk, changes={"name": "Cups"})
    assert (changed.name, changed.slug, changed.version) == ("Cups", "mugs", 2)
    same = operations.change_category(category_id=category.pk, changes={"name": "Cups"})
    assert same.version == 2


def test_a_category_stands_below_an_existing_one():
    with pytest.raises(NotFound):
        operations.create_category(name="Mugs", parent_id=uuid4())
    category = operations.create_category(name="Mugs")
    with pytest.raises(NotFound):
        operations.change_category(category_id=category.pk, changes={"parent_id": uuid4()})


def test_the_tree_is_eight_levels_deep():
    parent = None
    for level in range(8):
        parent = operations.create_category(name=f"Level {level}", parent_id=parent and parent.pk)
    with pytest.raises(Invalid):
        operations.create_category(name="Too deep", parent_id=parent.pk)
    with pytest.raises(Invalid):
        place(CategoryFactory(), parent)
    assert Category.objects.count() == 9


def test_no_category_is_below_itself():
    one, two, three = CategoryFactory(), CategoryFactory(), CategoryFactory()
    place(two, one)
    place(three, two)
    for parent in (one, two, three):
        with pytest.raises(Invalid):
            place(one, parent)
    with pytest.raises(IntegrityError), transaction.atomic():
        Category.objects.filter(pk=one.pk).update(parent=one)


def test_a_category_in_use_stays():
    parent, child = CategoryFactory(), CategoryFactory()
    place(child, parent)
    with pytest.raises(CategoryInUse):
        operations.delete_category(category_id=parent.pk)
    product = ProductFactory(category=child)
    with pytest.raises(CategoryInUse):
        operations.delete_category(category_id=child.pk)
    operations.delete_product(product_id=product.pk)
    operations.delete_category(category_id=child.pk)
    operations.delete_category(category_id=parent.pk)
    product.refresh_from_db()
    assert product.category is None
    with pytest.raises(NotFound):
        operations.delete_category(category_id=parent.pk)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_two_moves_at_once_close_no_loop():
    for _ in range(5):
        pair = CategoryFactory(), CategoryFactory()
        outcomes = race(lambda n, pair=pair: place(pair[n], pair[1 - n]), workers=2)
        assert sum(isinstance(outcome, Category) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, Invalid) for outcome in outcomes) == 1


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_on_the_tree_two_moves_close_a_loop(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    pair, both_have_read = (CategoryFactory(), CategoryFactory()), Barrier(2, timeout=10)

    def read_and_wait():
        tree = {category.pk: category.parent_id for category in Category.objects.all()}
        both_have_read.wait()
        return tree

    monkeypatch.setattr(operations, "_parents", read_and_wait)
    monkeypatch.setattr(operations, "_lock_tree", lambda: None)
    race(lambda n: place(pair[n], pair[1 - n]), workers=2)
    for category in pair:
        category.refresh_from_db()
    assert (pair[0].parent, pair[1].parent) == (pair[1], pair[0])


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_eight_moves_at_once_wait_for_each_other_without_a_deadlock():
    categories = [CategoryFactory() for _ in range(8)]
    top = CategoryFactory()
    with connection.cursor() as cursor:
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        (before,) = cursor.fetchone()
    outcomes = race(lambda n: place(categories[n], top), workers=8)
    assert all(isinstance(outcome, Category) for outcome in outcomes)
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_stat_clear_snapshot()")
        cursor.execute("SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()")
        assert cursor.fetchone() == (before,)


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("joins", ["product", "sub-category", "moved product"])
def test_a_category_does_not_vanish_under_what_is_put_into_it(monkeypatch, joins):
    """The one who puts has looked at the category; before its commit the deletion begins."""
    category, product = CategoryFactory(), ProductFactory()
    has_looked = Event()
    find = operations._category

    def look_and_wait(category_id, attribute):
        found = find(category_id, attribute)
        has_looked.set()
        wait_until(somebody_waits_for_a_lock)
        return found

    monkeypatch.setattr(operations, "_category", look_and_wait)

    def put():
        if joins == "product":
            return create(category_id=category.pk)
        if joins == "moved product":
            return change(product, category_id=category.pk)
        return operations.create_category(name="Below", parent_id=category.pk)

    def delete():
        assert has_looked.wait(10)
        return operations.delete_category(category_id=category.pk)

    done, refused = race(lambda n: delete() if n else put(), workers=2)
    assert isinstance(done, Product | Category)
    assert isinstance(refused, CategoryInUse)
    assert Category.objects.filter(pk=category.pk).exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_nothing_is_put_into_a_category_that_is_being_deleted(monkeypatch):
    category, is_deleting = CategoryFactory(), Event()
    find = operations._locked_category

    def lock_and_tell(*args):
        found = find(*args)
        is_deleting.set()
        return found

    monkeypatch.setattr(operations, "_locked_category", lock_and_tell)

    def put():
        assert is_deleting.wait(10)
        return create(category_id=category.pk)

    def delete():
        with transaction.atomic():
            operations.delete_category(category_id=category.pk)
            wait_until(somebody_waits_for_a_lock)
        return "deleted"

    assert race(lambda n: put() if n else delete(), workers=2)[0] == "deleted"
    assert not Product.objects.exists()
