"""Many changes of stock as one request: who may send it, and with an Idempotency-Key."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client

from inventory.models import StockLevel
from tests.api_client import JSON
from tests.factories import StockLevelFactory
from tests.inventory.adjustments import (
    URL,
    adjust,
    codes,
    errors,
    on_hand,
    results,
    skipping,
)

pytestmark = pytest.mark.django_db
GOOD = {"sku": "MUG", "quantity_delta": -1}


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=7)


# Who may


def test_reading_is_not_enough_not_even_for_a_dry_run(read_only_client, mug):
    assert adjust(read_only_client, GOOD).status_code == 403
    assert adjust(read_only_client, GOOD, dry_run=True).status_code == 403


@pytest.mark.parametrize(("held_one", "other"), [("adjust_stock", 1), ("count_stock", 0)])
def test_staff_need_the_permission_for_every_kind_of_change_among_the_lines(mug, held_one, other):
    lines = [GOOD, {"sku": "MUG", "quantity": 6, "expected_quantity": 7}]
    user = User.objects.create_user("clerk", is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename=held_one))
    browser = Client()
    browser.force_login(user)
    for wanted in ([lines[other]], lines):
        answer = browser.post(URL, {"lines": wanted, "dry_run": True}, JSON)
        assert answer.status_code == 403
    assert browser.post(URL, {"lines": [lines[1 - other]]}, JSON).status_code == 200


# With a key


def test_a_request_with_a_key_is_carried_out_once(client, mug):
    line = {"sku": "MUG", "quantity_delta": -3}
    lines = [line, line, line]
    first, again = (skipping(client, *lines, key="K") for _ in range(2))
    assert codes(first) == [None, None, "insufficient_stock"]
    assert (again["Idempotent-Replayed"], again.content) == ("true", first.content)
    assert on_hand() == {("MUG", "main"): 1}
    other = adjust(client, line, key="K")
    assert errors(other) == [("422", "idempotency_key_reused", None)]


def test_a_refusal_by_stock_is_kept_and_one_that_is_no_decision_leaves_the_key_free(client, mug):
    short = {"sku": "MUG", "quantity_delta": -9}
    first = adjust(client, short, key="SHORT")
    adjust(client, {"sku": "MUG", "quantity_delta": 9})
    again = adjust(client, short, key="SHORT")
    assert (again.status_code, again["Idempotent-Replayed"]) == (422, "true")
    assert again.content == first.content
    unknown = {"sku": "LATER", "quantity_delta": 1}
    more = {"sku": "MUG", "quantity_delta": -99}
    assert adjust(client, more, unknown, key="FREE").status_code == 422
    StockLevelFactory(product__sku="LATER")
    found = adjust(client, more, unknown, key="FREE")
    assert "Idempotent-Replayed" not in found
    assert errors(found) == [("422", "insufficient_stock", "/lines/0/quantity_delta")]


def test_a_dry_run_leaves_its_key_free_and_is_never_replayed(client, mug):
    assert adjust(client, GOOD, dry_run=True, key="bad,key").status_code == 400
    first = adjust(client, GOOD, dry_run=True, key="K")
    adjust(client, {"sku": "MUG", "quantity_delta": -2})
    again = adjust(client, GOOD, dry_run=True, key="K")
    assert [results(one)[0]["quantity_before"] for one in (first, again)] == [7, 5]
    assert adjust(client, GOOD, key="K").status_code == 200
    assert results(adjust(client, GOOD, dry_run=True, key="K"))[0]["quantity_before"] == 4
