"""What is counted of requests that are sent twice, and of stock: once, whichever door it was."""

from __future__ import annotations

import json

import pytest
from django.db import connection

from common.database import in_transaction
from common.idempotency import once
from inventory import operations
from inventory.errors import InsufficientStock
from inventory.rules import Change
from tests.api_client import JSON
from tests.back_office import page_of, send
from tests.factories import ProductFactory, StockLevelFactory
from tests.inventory.inbound import tell
from tests.inventory.stock_pages import STOCK_FORM
from tests.metrics import moving

REFUSALS = "stock_refusals_total"

# Requests that are sent twice


@pytest.mark.django_db
def test_a_key_is_applied_replayed_reused_or_left_free(client):
    level = StockLevelFactory(on_hand=10)
    path = f"/api/v1/inventory/{level.product_id}"

    def sell(quantity, key="order-1"):
        headers = {"Idempotency-Key": key}
        body = json.dumps({"quantity_delta": quantity})
        with moving() as moved:
            client.patch(path, body, content_type=JSON, headers=headers)
        outcomes = ("applied", "replayed", "key_reused", "in_progress", "not_kept")
        counts = {one: moved("idempotent_requests_total", outcome=one) for one in outcomes}
        return {one: count for one, count in counts.items() if count}

    assert sell(-3) == {"applied": 1}
    assert sell(-3) == {"replayed": 1}
    assert sell(-4) == {"key_reused": 1}
    assert sell("x", key="order-2") == {"not_kept": 1}


@pytest.mark.django_db(transaction=True)
def test_a_twin_that_comes_too_early_is_in_progress():
    scope = once.Scope("client:1", "POST", "/a", "key")
    twin = connection.copy()
    try:
        with twin.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_lock(%s)", [scope.lock_number])
        with moving() as moved, pytest.raises(once.InProgress):
            once.apply_once(scope=scope, fingerprint=b"", apply=lambda: None)
    finally:
        twin.close()
    assert moved("idempotent_requests_total", outcome="in_progress") == 1


# Refusals of stock


@pytest.mark.django_db
class TestRefusals:
    @pytest.fixture
    def level(self):
        return StockLevelFactory(on_hand=2)

    def one(self, moved, code="insufficient_stock"):
        return moved(REFUSALS, code=code) == moved(REFUSALS) == 1

    def test_of_an_operation(self, level):
        with moving() as moved, pytest.raises(InsufficientStock):
            operations.adjust_stock(changes=[Change(product_id=level.product_id, delta=-3)])
        assert self.one(moved)

    @pytest.mark.parametrize("headers", [{}, {"Idempotency-Key": "order-1"}])
    def test_through_the_api_each_once(self, client, level, headers):
        body = json.dumps({"quantity_delta": -3})
        path = f"/api/v1/inventory/{level.product_id}"
        with moving() as moved:
            assert client.patch(path, body, content_type=JSON, headers=headers).status_code == 422
        assert self.one(moved)

    def test_a_replay_is_refused_no_second_time(self, client, level):
        def sell():
            path = f"/api/v1/inventory/{level.product_id}"
            headers = {"Idempotency-Key": "order-1"}
            body = json.dumps({"quantity_delta": -3})
            return client.patch(path, body, content_type=JSON, headers=headers)

        sell()
        with moving() as moved:
            assert sell()["Idempotent-Replayed"] == "true"
        assert moved(REFUSALS) == 0

    def test_in_operations_within_operations(self, level):
        @in_transaction
        def shop():
            operations.adjust_stock(changes=[Change(product_id=level.product_id, delta=-3)])

        shop.__module__ = "inventory.shop"
        with moving() as moved, pytest.raises(InsufficientStock):
            in_transaction(shop)()
        assert self.one(moved)

    def test_through_a_message_of_another_system(self, level):
        lines = [{"sku": level.product.sku, "quantity": 3}]
        with moving() as moved:
            tell("order.placed", {"order_reference": "ORDER-1", "lines": lines})
        assert self.one(moved)

    def test_through_a_form_of_the_back_office(self, admin_client, level):
        with moving() as moved:
            send(admin_client, page_of(level, "adjust"), STOCK_FORM, kind="sale", quantity=3)
        assert self.one(moved)

    def test_of_a_line_that_is_told_among_others(self, level):
        sheet = operations.open_sheet(name="Shelf 1", location="main")
        line = sheet.lines.get()
        with moving() as moved:
            (settled,) = operations.apply_lines(
                sheet_id=sheet.pk, settlements=[operations.Settlement(line.pk)]
            )
        assert settled.refusal
        assert self.one(moved, "invalid")

    def test_what_is_done_counts_nowhere(self, level):
        with moving() as moved:
            operations.adjust_stock(changes=[Change(product_id=level.product_id, delta=-1)])
        assert moved(REFUSALS) == 0

    def test_the_catalogue_has_no_part_in_it(self, client):
        product = ProductFactory(sku="MUG")
        mug = {"sku": product.sku, "name": "Mug", "description": "Holds tea", "price": 1}
        with moving() as moved:
            body = json.dumps(mug)
            assert client.post("/api/v1/products", body, content_type=JSON).status_code == 409
        assert moved(REFUSALS) == 0
