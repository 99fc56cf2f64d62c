"""What has happened to a product, its document shows once the projector has come past it."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import Decimal

import pytest
from django.db import connections, transaction
from django.test.utils import CaptureQueriesContext

from catalogue import projecting
from catalogue.models import Document
from catalogue.projecting import CATALOGUE, products_in, project, project_next
from catalogue.rebuilding import rebuild
from catalogue.routing import is_configured
from catalogue.standing import has_come, last_given
from catalogue.state import documents_of
from catalogue.writing import forget_gone, keep
from common.events.models import Event, Reader
from common.events.reading import locked_reader
from common.events.sequencing import number_events
from inventory import operations as stock
from inventory.rules import Change
from products import operations as products
from tests.catalogue.projected import document_of, project_all
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.racing import in_a_thread

pytestmark = pytest.mark.django_db


def sell(level, units=1):
    stock.adjust_stock(changes=[Change(level.product_id, -units, reason="sale")])


def test_a_document_has_the_product_and_its_stock_at_every_location():
    level = StockLevelFactory(on_hand=5)
    shop = LocationFactory(code="shop")
    StockLevelFactory(product=level.product, location=shop, on_hand=2)
    project_all()
    document = document_of(level.product)
    assert (document.sku, document.price) == (level.product.sku, Decimal("19.99"))
    assert (document.quantity, document.available, document.reserved) == (7, 7, 0)
    assert {line["location"]: line["available"] for line in document.locations} == {
        str(level.location_id): 5,
        str(shop.pk): 2,
    }
    assert set(document.in_stock_at) == {str(level.location_id), str(shop.pk)}


def test_a_product_that_was_never_stocked_has_a_document_too():
    product = products.create_product(name="Mug", description="Holds tea.", price=Decimal(9))
    project_all()
    document = document_of(product)
    assert (document.name, document.available, document.locations) == ("Mug", 0, [])


@pytest.mark.parametrize("change", [{"price": Decimal("7.50")}, {"status": "archived"}])
def test_a_change_of_the_product_arrives(change):
    product = StockLevelFactory().product
    project_all()
    products.change_product(product_id=product.pk, changes=change)
    project_all()
    document = document_of(product)
    assert {name: getattr(document, name) for name in change} == change


def test_what_is_held_is_no_longer_available_and_comes_back_when_it_is_released():
    level = StockLevelFactory(on_hand=5)
    lines = [stock.Wanted(3, product_id=level.product_id)]
    held, _ = stock.reserve(order_reference="ORDER-1", lines=lines)
    project_all()
    document = document_of(level.product)
    assert (document.quantity, document.reserved, document.available) == (5, 3, 2)
    stock.release(reservation_id=held.pk)
    project_all()
    assert document_of(level.product).available == 5


def test_a_batch_that_is_announced_is_incoming():
    product = ProductFactory()
    eta = date(2030, 1, 2)
    stock.create_batch(reference="PO-1", quantity=10, product_id=product.pk, eta=eta)
    project_all()
    document = document_of(product)
    assert (document.incoming, document.next_eta) == (10, date(2030, 1, 2))


def test_what_names_a_batch_or_a_reservation_is_about_their_products():
    level, ordered = StockLevelFactory(on_hand=5), ProductFactory()
    lines = [stock.Wanted(1, product_id=level.product_id)]
    held, _ = stock.reserve(order_reference="ORDER-1", lines=lines)
    batch = stock.create_batch(
        reference="PO-1", quantity=1, product_id=ordered.pk, eta=date(2030, 1, 2)
    )
    subjects = {"reservations": held.pk, "batches": batch.pk, "ledger-checks": "1"}
    events = [Event(subject_type=kind, subject_id=str(pk)) for kind, pk in subjects.items()]
    assert products_in(events) == {
        ("reservations", str(held.pk)): {level.product_id},
        ("batches", str(batch.pk)): {ordered.pk},
    }


def test_a_deleted_product_vanishes_and_its_document_is_swept_a_day_later():
    product = StockLevelFactory().product
    project_all()
    assert Document.objects.shown().count() == 1
    products.delete_product(product_id=product.pk)
    project_all()
    assert Document.objects.shown().count() == 0
    assert forget_gone() == 0
    Document.objects.update(projected_at=document_of(product).projected_at - timedelta(days=2))
    assert forget_gone() == 1


def test_an_event_that_comes_twice_or_in_another_order_changes_nothing():
    level = StockLevelFactory(on_hand=5)
    sell(level)
    sell(level)
    project_all()
    before = Document.objects.values().get()
    Reader.objects.filter(pk=CATALOGUE).update(sequence=0)
    assert project() > 0
    assert Document.objects.values().get() == before
    assert before["available"] == 3


def test_what_is_about_no_product_is_passed_over():
    Event.objects.create(
        type="endpoint.test", subject_type="webhook-endpoints", subject_id="x", data={}
    )
    assert project() == 1
    assert not Document.objects.exists()


def test_the_number_of_queries_does_not_depend_on_the_number_of_products():
    def queries_for(count: int) -> int:
        for _ in range(count):
            StockLevelFactory(on_hand=1)
        number_events()
        with ExitStack() as watched:
            sent = [watched.enter_context(CaptureQueriesContext(one)) for one in connections.all()]
            assert project_next() >= count
        return sum(map(len, sent))

    StockLevelFactory()
    project_all()
    first = queries_for(1)
    assert queries_for(20) == first
    # reader, events, products, clock, names of locations, documents, reader
    assert first == 7 or is_configured()


def test_events_about_many_products_are_fewer_at_a_time(monkeypatch):
    monkeypatch.setattr(projecting, "MOST_PRODUCTS", 3)
    levels = [StockLevelFactory(on_hand=9) for _ in range(4)]
    project_all()
    lines = [stock.Wanted(1, product_id=level.product_id) for level in levels]
    for number in range(3):
        stock.reserve(order_reference=f"ORDER-{number}", lines=lines)
    sell(levels[0])
    number_events()
    before = Reader.objects.get(pk=CATALOGUE).sequence
    assert project_next() == 1  # at least one, be it about more
    assert Reader.objects.get(pk=CATALOGUE).sequence == before + 1
    assert project_all() == 3
    assert [document_of(level.product).available for level in levels] == [5, 6, 6, 6]


def test_a_rolled_back_batch_is_projected_again():
    StockLevelFactory(on_hand=1)
    number_events()
    with transaction.atomic():
        assert project_next()
        transaction.set_rollback(True)  # as if it had been killed
    assert not has_come(last_given())
    assert project_all()
    assert has_come(last_given())
    assert Document.objects.get().available == 1


# Older and newer states


def test_a_document_of_an_older_state_never_replaces_a_newer_one():
    level = StockLevelFactory(on_hand=5)
    older = documents_of([level.product_id])
    sell(level)
    project_all()
    assert keep(older) == 0
    assert document_of(level.product).available == 4


@pytest.mark.usefixtures("no_guard")
def test_without_the_guard_it_would():
    """Negative control: if this fails, the test above proves nothing."""
    level = StockLevelFactory(on_hand=5)
    older = documents_of([level.product_id])
    sell(level)
    project_all()
    assert keep(older) == 1
    assert document_of(level.product).available == 5


def test_whoever_is_late_does_not_bring_a_deleted_product_back():
    product = StockLevelFactory(on_hand=5).product
    living = documents_of([product.pk])
    products.delete_product(product_id=product.pk)
    project_all()
    keep(living)
    assert not Document.objects.shown().exists()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_while_one_projector_works_a_second_one_waits():
    StockLevelFactory(on_hand=1)
    project_all()
    StockLevelFactory(on_hand=1)
    number_events()
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            assert locked_reader(CATALOGUE) is not None
            assert threads.submit(in_a_thread, project_next).result() == 0
        assert threads.submit(in_a_thread, project_next).result() > 0


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_sales_projectors_and_rebuilds_at_once_end_with_the_right_documents():
    levels = [StockLevelFactory(on_hand=100) for _ in range(3)]

    def sell_some() -> None:
        for number in range(20):
            sell(levels[number % 3])

    def follow() -> None:
        for _ in range(20):
            project()

    def make_anew() -> None:
        for _ in range(5):
            rebuild(lambda _: None)

    with ThreadPoolExecutor(5) as threads:
        acts = [sell_some, sell_some, follow, follow, make_anew]
        for done in [threads.submit(in_a_thread, act) for act in acts]:
            done.result()
    project_all()
    expected = {one.pk: one.available for one in documents_of(level.product_id for level in levels)}
    found = dict(Document.objects.values_list("pk", "available"))
    assert found == expected
    assert sum(found.values()) == 300 - 40
