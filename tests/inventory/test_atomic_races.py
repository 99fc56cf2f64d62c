"""Atomic documents that meet: nobody waits in a circle, whatever the order of their operations."""

from __future__ import annotations

from contextlib import suppress
from datetime import date
from threading import Barrier, BrokenBarrierError

import pytest

from common.api.atomic import mentions
from common.api.atomic.steps import Step
from common.webhooks.operations import create_endpoint
from inventory.models import Batch, Reservation, StockLevel
from inventory.operations import Wanted, adjust_stock, create_batch, reserve
from inventory.rules import Change
from products.operations import change_product, delete_product
from tests.common.api.atomic import act, add, carry_out, remove, update
from tests.factories import CategoryFactory, LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.promises import what_is_wrong
from tests.racing import race

pytestmark = [pytest.mark.slow, pytest.mark.concurrency, pytest.mark.django_db(transaction=True)]

API = "/api/v1"
WORKERS = 6


@pytest.fixture
def conflicts(monkeypatch):
    """Deadlocks, which nobody repeats here."""
    seen = []
    monkeypatch.setattr("common.database.is_conflict", seen.append)
    return seen


def statuses(client, *documents):
    """What clients get who send these documents at once, again and again."""
    answers = race(lambda n: carry_out(client, *documents[n % len(documents)]), WORKERS)
    assert not [one for one in answers if isinstance(one, Exception)], answers
    return {answer.status_code for answer in answers}


def sales(levels):
    return [update("inventory", level.product_id, {"quantity_delta": -1}) for level in levels]


def test_sales_in_opposite_order_do_not_deadlock(client, conflicts):
    levels = [StockLevelFactory(on_hand=100) for _ in range(4)]
    assert statuses(client, sales(levels), sales(levels[::-1])) == {200}
    assert conflicts == []
    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == {100 - WORKERS}
    assert what_is_wrong() == []


def test_without_the_locks_beforehand_they_do(client, conflicts, monkeypatch):
    """Negative control: each has one product, and wants the other's."""
    monkeypatch.setattr(mentions, "before_the_first", [])
    monkeypatch.setattr("common.api.atomic.views.before_the_first", [])
    levels = [StockLevelFactory(on_hand=100) for _ in range(2)]
    both_have_one, carry = Barrier(2, timeout=10), Step.carry_out

    def carry_out_and_wait(step, sent):
        result = carry(step, sent)
        if step.operation.number == 0:
            both_have_one.wait()
        return result

    monkeypatch.setattr(Step, "carry_out", carry_out_and_wait)
    documents = sales(levels), sales(levels[::-1])
    answers = race(lambda n: carry_out(client, *documents[n]), 2)
    assert sorted(answer.status_code for answer in answers) == [200, 503]
    assert len(conflicts) == 1
    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == {99}


@pytest.fixture
def meeting(monkeypatch):
    """Two documents, each of which has its first operation behind it before the second begins.

    One that has to wait for the other is not waited for long.
    """
    both_have_one, carry = Barrier(2), Step.carry_out

    def carry_out_and_wait(step, sent):
        result = carry(step, sent)
        if step.operation.number == 0:
            with suppress(BrokenBarrierError):
                both_have_one.wait(timeout=0.3)
        return result

    monkeypatch.setattr(Step, "carry_out", carry_out_and_wait)


def removals(client):
    """What two get who sell the product that the other one removes."""
    one, two = (StockLevelFactory(on_hand=100).product_id for _ in range(2))
    sale = {"quantity_delta": -1}
    documents = [
        [update("inventory", one, sale), remove("products", two)],
        [update("inventory", two, sale), remove("products", one)],
    ]
    answers = race(lambda n: carry_out(client, *documents[n]), 2)
    return sorted(answer.status_code for answer in answers)


@pytest.mark.usefixtures("meeting")
def test_sales_and_removals_in_opposite_order_do_not_deadlock(client, conflicts):
    assert removals(client) == [200, 404]
    assert (what_is_wrong(), conflicts) == ([], [])


@pytest.mark.usefixtures("meeting")
def test_without_the_stock_of_what_is_removed_they_do(client, conflicts, monkeypatch):
    """Negative control: each has sold the product whose stock the other's guard wants."""
    monkeypatch.setattr("inventory.api.atomic._removed", lambda _mentions: set())
    assert removals(client) == [200, 503]
    assert len(conflicts) == 1


def everything(numbers):
    """Something of every kind that stock is changed by, about each of these products."""
    for number in numbers:
        sku, place = f"SKU-OF-{number}", f"place-{number}"
        held = Reservation.objects.get(order_reference=f"held {number}")
        batch = Batch.objects.get(reference=f"PO {number}")
        lines = [{"sku": sku, "quantity": 1}]
        yield [
            add("reservations", {"order_reference": f"new {number}", "lines": lines}),
            act(f"{API}/reservations/{held.pk}/extend", expires_in=900),
            add("transfers", _moved(sku, place)),
            act(f"{API}/batches/{batch.pk}/receive", quantity=1),
            update("products", batch.product_id, {"name": f"Product {number}"}),
            update("inventory", batch.product_id, {"quantity_delta": -1, "location": "main"}),
        ]


def _moved(sku, place):
    return {"sku": sku, "from_location": "main", "to_location": place, "quantity": 1}


@pytest.fixture
def four(db):
    for number in range(4):
        level = StockLevelFactory(product__sku=f"SKU-OF-{number}", on_hand=500)
        place = LocationFactory(code=f"place-{number}")
        StockLevelFactory(product=level.product, location=place, on_hand=5)
        reserve(order_reference=f"held {number}", lines=[Wanted(1, sku=level.product.sku)])
        create_batch(
            reference=f"PO {number}", quantity=99, sku=level.product.sku, eta=date(2099, 12, 1)
        )


@pytest.mark.usefixtures("four")
def test_documents_about_everything_in_opposite_order_do_not_deadlock(client, conflicts):
    groups = list(everything(range(2)))
    one = [operation for group in groups for operation in group]
    other = [operation for group in groups[::-1] for operation in group[::-1]]
    assert statuses(client, one, other) == {200}
    assert (what_is_wrong(), conflicts) == ([], [])


@pytest.mark.usefixtures("four")
def test_a_document_and_single_requests_do_not_wait_in_a_circle(client, conflicts):
    """Whoever buys, holds, renames and deletes meanwhile has all of it, or waits for all of it."""
    document = [operation for group in everything(range(2)) for operation in group]
    products = list(StockLevel.objects.values_list("product_id", flat=True).distinct())
    category, spare = CategoryFactory(), ProductFactory()

    def work(number):
        match number:
            case 0 | 1:
                return carry_out(client, *(document if number else document[::-1])).status_code
            case 2:
                changes = [Change(product_id=pk, delta=-1) for pk in products]
                return adjust_stock(changes=changes)
            case 3:
                lines = [Wanted(1, product_id=pk) for pk in products]
                return reserve(order_reference="all", lines=lines)
            case 4:
                return change_product(product_id=products[0], changes={"category_id": category.pk})
            case _:
                return delete_product(product_id=spare.pk)

    outcomes = race(work, WORKERS)
    assert not [one for one in outcomes if isinstance(one, Exception)], outcomes
    assert outcomes[:2] == [200, 200]
    assert (what_is_wrong(), conflicts) == ([], [])


def test_documents_about_endpoints_in_opposite_order_do_not_deadlock(client, conflicts):
    made = [create_endpoint(url="https://example.com/", created_by="ada") for _ in range(4)]
    changes = [update("webhook-endpoints", one.pk, {"description": "Shop"}) for one in made]
    changes += [act(f"{API}/webhook-endpoints/{one.pk}/rotate-secret") for one in made]
    assert statuses(client, changes, changes[::-1]) == {200}
    assert conflicts == []


def test_the_last_unit_goes_to_one_document(client, conflicts):
    level, other = StockLevelFactory(on_hand=1), StockLevelFactory(on_hand=100)
    answers = race(lambda _: carry_out(client, *sales([other, level])), WORKERS)
    found = sorted(answer.status_code for answer in answers)
    assert found == [200, *[422] * (WORKERS - 1)]
    other.refresh_from_db()
    assert (other.on_hand, conflicts, what_is_wrong()) == (99, [], [])


def test_twins_with_a_key_are_carried_out_once(client):
    levels = [StockLevelFactory(on_hand=100) for _ in range(2)]
    key = {"Idempotency-Key": "k"}
    answers = race(lambda _: carry_out(client, *sales(levels), **key), WORKERS)
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert set(StockLevel.objects.values_list("on_hand", flat=True)) == {99}
