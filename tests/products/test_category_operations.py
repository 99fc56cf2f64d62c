"""Writing categories: the tree, and what happens to it at the same time."""

from __future__ import annotations

from decimal import Decimal
from threading import Barrier, Event
from uuid import uuid4

import pytest
from django.db import IntegrityError, connection, transaction

from common.errors import Duplicate, Invalid, NotFound
from common.events.models import Event as Fact
from products import operations
from products.errors import CategoryInUse
from products.models import Category, Product
from tests.factories import CategoryFactory, ProductFactory
from tests.racing import race, somebody_waits_for_a_lock
from tests.waiting import wait_until

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
def test_a_category_is_not_added_to_one_that_is_being_moved_too_deep_for_it(monkeypatch):
    parent, deep = CategoryFactory(), CategoryFactory()
    for _ in range(6):
        deep = CategoryFactory(parent=deep)
    read, has_read = operations._parents, Event()

    def read_and_wait():
        tree = read()
        has_read.set()
        wait_until(somebody_waits_for_a_lock)
        return tree

    def add_or_move(number):
        if number == 0:
            return operations.create_category(name="Below", parent_id=parent.pk)
        assert has_read.wait(10)
        monkeypatch.setattr(operations, "_parents", read)
        return place(parent, deep)

    monkeypatch.setattr(operations, "_parents", read_and_wait)
    added, refused = race(add_or_move, workers=2)
    assert isinstance(added, Category)
    assert isinstance(refused, Invalid)


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
