"""What atomic operations lock beforehand, and what they cost."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import fields
from datetime import date

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.api.atomic.mentions import Mention
from common.bulkhead import lock_queue
from inventory.api.atomic import lock_mentioned
from inventory.operations import Wanted, change_batch, create_batch, reserve, transfer_stock
from inventory.operations.beforehand import lock_stock
from tests.common.api.atomic import add, carry_out, refusal, update
from tests.factories import LocationFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

NONSENSE = [
    {"product_id": 7},
    {"product_id": "x" * 100_000},
    {"product_id": "\x00"},
    {"sku": "\x00"},
    {"sku": []},
    {"sku": "x", "location": "\x00"},
    {"sku": "x", "from_location": {}, "to_location": 10**30},
    {"lines": 7},
    {"lines": [7, None, {"sku": 7}, {"sku": "\x00"}, {"product_id": "\x00"}]},
    {"order_reference": "\x00", "lines": [{"sku": "x", "quantity": 1}]},
    {"order_reference": {}, "lines": {}},
    {"code": None, "quantity": True},
]


@pytest.mark.parametrize("kind", ["inventory", "transfers", "batches", "reservations", "products"])
def test_nonsense_is_refused_by_the_operation_and_not_by_the_database(client, kind):
    """What is locked beforehand is what was sent, unchecked."""
    for attributes in NONSENSE:
        answer = carry_out(client, add(kind, attributes))
        assert 400 <= answer.status_code < 500, answer.content
        assert all("pointer" in error["source"] for error in answer.json()["errors"])


def test_who_waits_for_what_a_document_has_does_not_keep_it_from_going_on(client, monkeypatch):
    """Few may wait for a product (``common.bulkhead``); they wait for the document itself."""
    level = StockLevelFactory(on_hand=5)
    monkeypatch.setattr(lock_queue, "places", 1)
    monkeypatch.setattr(lock_queue, "patience", 0)
    sale = update("inventory", level.product_id, {"quantity_delta": -1})
    with ExitStack() as somebody:

        def lock_and_let_somebody_wait(concerned):
            locked = lock_stock(concerned)
            somebody.enter_context(lock_queue.place(level.product_id))
            return locked

        monkeypatch.setattr("inventory.api.atomic.lock_stock", lock_and_let_somebody_wait)
        assert carry_out(client, sale, sale).status_code == 200


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("size", [2, 20, pytest.param(1_000, marks=pytest.mark.slow)])
def test_each_more_sale_costs_one_round_trip(client, django_assert_num_queries, size):
    """What one writes goes along with what the next one reads; the others are the document's."""
    level = StockLevelFactory(on_hand=5_000)
    sale = update("inventory", level.product_id, {"quantity_delta": -1})
    carry_out(client, sale)
    with django_assert_num_queries(5 + size):
        assert carry_out(client, *[sale] * size).status_code == 200


# What is locked beforehand


@pytest.fixture
def naming(db):
    """Every way to name a product of which everything is there, and a line waits for stock."""
    level, far = StockLevelFactory(product__sku="MUG", on_hand=10), LocationFactory(code="far")
    moved = transfer_stock(sku="MUG", from_location="main", to_location=far.code, quantity=1)
    batch = create_batch(reference="PO", quantity=2, sku="MUG", eta=date(2099, 12, 1))
    lines = [Wanted(12, sku="MUG")]
    held, _ = reserve(order_reference="1", lines=lines, allow_incoming=True)
    change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    product_id = str(level.product_id)
    return level.product_id, {
        "inventory": Mention("inventory", "partial_update", level.product_id),
        "level": Mention("stock-levels", "partial_update", level.pk),
        "movement": Mention("stock-movements", "reverse", level.movements.first().pk),
        "transfer": Mention("transfers", "reverse", moved.pk),
        "batch": Mention("batches", "receive", batch.pk),
        "reservation": Mention("reservations", "ship", held.pk),
        "order": Mention("reservations", "create", None, {"order_reference": "1"}),
        "sku": Mention("transfers", "create", None, {"sku": "mug"}),
        "id": Mention("inventory", "create", None, {"product_id": product_id.upper()}),
        "relationship": Mention("batches", "create", None, {"product": product_id}),
        "line": Mention("reservations", "create", None, {"lines": [{"sku": "Mug"}]}),
        "product that goes": Mention("products", "destroy", level.product_id),
        "location that supplies again": Mention("locations", "partial_update", far.pk),
    }


def test_whatever_names_a_product_locks_its_stock(naming):
    product_id, mentions = naming
    locked = {name for name, one in mentions.items() if product_id in lock_mentioned([one])}
    assert locked == mentions.keys()


def test_what_names_nothing_locks_nothing(naming, django_assert_num_queries):
    product_id, _ = naming
    with django_assert_num_queries(0):
        assert not lock_mentioned([Mention("products", "partial_update", product_id)])


@pytest.fixture
def locked(monkeypatch):
    """What was to be locked of stock."""
    seen = []

    def lock_and_tell(concerned):
        seen.append(concerned)
        return lock_stock(concerned)

    monkeypatch.setattr("inventory.api.atomic.lock_stock", lock_and_tell)
    return seen


def mentioned(locked):
    """How many things were named to be locked."""
    return sum(
        len(value)
        for concerned in locked
        for field in fields(concerned)
        if not isinstance(value := getattr(concerned, field.name), bool)
    )


@pytest.mark.parametrize(
    "question",
    [
        add("availability", {"lines": [{"sku": "MUG", "quantity": 1}]}),
        add("adjustments", {"dry_run": True, "lines": [{"sku": "MUG", "quantity_delta": -1}]})
        | {"href": "/inventory/adjustments"},
    ],
)
def test_who_only_asks_locks_nothing(client, locked, question):
    StockLevelFactory(product__sku="MUG", on_hand=5)
    with CaptureQueriesContext(connection) as queries:
        assert carry_out(client, question).status_code == 200
    assert not [one for one in queries if " FOR NO KEY UPDATE" in str(one["sql"])]
    assert mentioned(locked) == 0


def test_the_data_of_what_is_removed_does_not_make_it_a_question(client, locked):
    level = StockLevelFactory(on_hand=0)
    gone = {"op": "remove", "href": f"/products/{level.product_id}"}
    data = {"type": "adjustments", "attributes": {"dry_run": True}}
    assert carry_out(client, gone | {"data": data}).status_code == 204
    assert mentioned(locked) == 1


def test_only_reservations_are_of_an_order(client, locked):
    """An advisory lock for each line of a document would be more than PostgreSQL has."""
    lines = [{"sku": "MUG", "quantity": 1, "order_reference": f"of a line {n}"} for n in range(9)]
    carry_out(client, add("reservations", {"order_reference": "1", "lines": lines}))
    carry_out(client, add("transfers", {"order_reference": "of no reservation"}))
    assert [set(one.order_references) for one in locked] == [{"1"}, set()]


def test_more_lines_than_any_operation_takes_are_refused_and_not_locked(client, locked):
    lines = [{"sku": f"MUG-{number}", "quantity_delta": -1} for number in range(1_001)]
    href = {"href": "/inventory/adjustments"}
    answer = carry_out(client, add("adjustments", {"lines": lines}) | href)
    assert refusal(answer) == (422, "max_length", "/atomic:operations/0/data/attributes/lines")
    assert mentioned(locked) == 0
