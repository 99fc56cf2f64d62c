"""The names of categories and locations follow, whoever writes them, and come with what is new."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event
from typing import TYPE_CHECKING

import pytest
from django.db import connection

from catalogue import naming
from catalogue.models import Place, Shelf
from catalogue.naming import Names, shelves, take_over_names
from catalogue.projecting import project
from products import operations as products
from tests.catalogue.projected import project_all
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import PATIENCE, in_a_thread
from tests.waiting import wait_until

if TYPE_CHECKING:
    from concurrent.futures import Future

pytestmark = pytest.mark.django_db


def test_a_renamed_category_and_its_children_are_named_anew():
    parent = CategoryFactory(name="Kitchen")
    child = CategoryFactory(name="Mugs", parent=parent)
    names = Names()
    assert names.take_over() >= 2
    assert names.take_over() == 0
    products.change_category(category_id=parent.pk, changes={"name": "Home"})
    assert names.take_over() == 2
    path = Shelf.objects.get(pk=child.pk).path
    assert [step["name"] for step in path] == ["Home", "Mugs"]
    products.delete_category(category_id=child.pk)
    names.take_over()
    assert not Shelf.objects.filter(pk=child.pk).exists()


def test_a_product_in_a_new_category_is_shown_with_its_name(client):
    project_all()
    category = CategoryFactory(name="Kitchen")
    products.create_product(
        sku="A", name="Mug", description="Holds tea.", price=9, category_id=category.pk
    )
    assert project()  # the projector alone, without waiting for the other duty
    (found,) = client.get("/api/v1/catalogue").json()["data"]
    assert [step["name"] for step in found["attributes"]["category_path"]] == ["Kitchen"]


def test_stock_at_a_new_location_is_shown_with_its_code(client):
    project_all()
    StockLevelFactory(on_hand=1, location=LocationFactory(code="shop"))
    assert project()
    assert client.get("/api/v1/catalogue?filter[location]=shop").json()["data"]


def test_known_names_are_not_read_again(monkeypatch):
    level = StockLevelFactory(on_hand=1, product=ProductFactory(category=CategoryFactory()))
    project_all()
    products.change_product(product_id=level.product_id, changes={"name": "New"})
    monkeypatch.setattr(naming, "take_over_names", lambda: pytest.fail("They are known."))
    assert project() == 1


def is_waited_for() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_locks JOIN pg_database ON pg_database.oid = database"
            " WHERE locktype = 'advisory' AND NOT granted AND datname = current_database()"
        )
        return cursor.fetchone() is not None


def renamed_while_one_is_slow(monkeypatch) -> Names:
    """One reads the names, and writes them only when a second one, who has read later, is done or
    waits; returns the second one.
    """
    category = CategoryFactory(name="Old")
    take_over_names()
    has_read, may_write = Event(), Event()

    def read_early() -> list[Shelf]:
        rows = shelves()
        if not has_read.is_set():
            has_read.set()
            may_write.wait(PATIENCE)
        return rows

    monkeypatch.setattr(naming, "shelves", read_early)
    second = Names()
    with ThreadPoolExecutor(2) as threads:
        slow = threads.submit(in_a_thread, take_over_names)
        assert has_read.wait(PATIENCE)
        products.change_category(category_id=category.pk, changes={"name": "New"})
        CategoryFactory(name="Made meanwhile")
        quick: Future[int] = threads.submit(in_a_thread, second.take_over)
        wait_until(lambda: quick.done() or is_waited_for())
        may_write.set()
        slow.result()
        quick.result()
    return second


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_whoever_is_slow_does_not_bring_old_names_back(monkeypatch):
    renamed_while_one_is_slow(monkeypatch)
    assert set(Shelf.objects.values_list("name", flat=True)) == {"New", "Made meanwhile"}


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_without_the_lock_old_names_come_back_for_good(monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(naming, "wait_for_turn", lambda: None)
    second = renamed_while_one_is_slow(monkeypatch)
    assert set(Shelf.objects.values_list("name", flat=True)) == {"Old"}
    assert second.take_over() == 0


def test_the_second_of_two_takes_over_what_is_new():
    """Also where another one has written the same names already."""
    one, other = Names(), Names()
    CategoryFactory()
    LocationFactory(code="shop")
    assert one.take_over() > 0
    assert other.take_over() == 0
    assert Place.objects.filter(code="shop").exists()
