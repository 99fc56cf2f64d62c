"""What staff may do by way of the API is what they may do in the back office."""

from __future__ import annotations

from datetime import date

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.urls import reverse

from common.events.models import Event
from inventory import operations
from inventory.models import Batch, Reservation, StockMovement, Transfer
from inventory.operations import Wanted
from tests.api_client import JSON
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory

pytestmark = [pytest.mark.slow, pytest.mark.django_db]
LINES = [{"sku": "MUG", "quantity": 1}]
MAIN = {"location": "main"}
MUG = {"sku": "MUG"}
COUNTED = {"quantity": 6, "expected_quantity": 7}
ORDERED = {"sku": "MUG", "quantity": 1, "reference": "2"}
NEEDED: list[tuple[str, str, dict, str]] = [
    ("GET", "reservations", {}, "view_reservation"),
    ("GET", "reservations/{reservation}", {}, "view_reservation"),
    ("POST", "reservations", {"order_reference": "2", "lines": LINES}, "add_reservation"),
    ("POST", "reservations/{reservation}/extend", {}, "extend_reservation"),
    ("POST", "reservations/{reservation}/release", {}, "release_reservation"),
    ("POST", "reservations/{reservation}/confirm", {}, "change_reservation"),
    ("POST", "reservations/{reservation}/ship", {}, "change_reservation"),
    ("GET", "batches", {}, "view_batch"),
    ("GET", "batches/{batch}", {}, "view_batch"),
    ("GET", "batches/{batch}/relationships/location", {}, "view_batch"),
    ("POST", "batches", ORDERED | {"eta": "2099-12-01"}, "add_batch"),
    ("PATCH", "batches/{batch}", {"quantity": 3}, "change_batch"),
    ("POST", "batches/{batch}/receive", {}, "receive_batch"),
    ("POST", "availability", {"lines": LINES}, "view_stocklevel"),
    ("POST", "inventory", {"sku": "NEW"}, "add_stocklevel"),
    ("PATCH", "inventory/{product}", MAIN | {"quantity_delta": 1}, "adjust_stock"),
    ("PATCH", "inventory/{product}", MAIN | {"quantity": 6, "expected_quantity": 7}, "count_stock"),
    ("PATCH", "inventory/{product}", MAIN | {"quantity": 7, "quantity_delta": 1}, "adjust_stock"),
    ("POST", "inventory/adjustments", {"lines": [MUG | {"quantity_delta": 1}]}, "adjust_stock"),
    ("POST", "inventory/adjustments", {"lines": [MUG | MAIN | COUNTED]}, "count_stock"),
    ("PATCH", "stock-levels/{level}", {"reorder_point": 1}, "change_stocklevel"),
    (
        "POST",
        "transfers",
        {"sku": "MUG", "quantity": 1, "from_location": "main", "to_location": "north"},
        "transfer_stock",
    ),
    ("POST", "transfers/{transfer}/reverse", {}, "reverse_movement"),
    ("POST", "stock-movements/{movement}/reverse", {}, "reverse_movement"),
]


@pytest.fixture
def places(db):
    """The ids of what can be acted on."""
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    LocationFactory(code="north")
    ProductFactory(sku="NEW")
    one = {"product_id": level.product_id, "quantity": 1}
    operations.transfer_stock(**one, from_location="main", to_location="north")
    operations.create_batch(reference="1", quantity=4, sku="MUG", eta=date(2099, 12, 1))
    operations.create_batch(reference="0", quantity=3, sku="MUG")  # which can be reversed
    operations.reserve(order_reference="1", lines=[Wanted(2, sku="MUG")])
    rows = {
        "level": level,
        "product": level.product,
        "batch": Batch.objects.get(reference="1"),
        "reservation": Reservation.objects.get(),
        "transfer": Transfer.objects.get(),
        "movement": StockMovement.objects.get(reference="0"),
    }
    return {name: row.pk for name, row in rows.items()}


@pytest.fixture
def clerk(db):
    """Somebody's browser, and what they are given the right to."""
    user = User.objects.create_user("clerk", is_staff=True)
    browser = Client()
    browser.force_login(user)

    def with_permissions(*names):
        user.user_permissions.set(Permission.objects.filter(codename__in=names))
        return browser

    return with_permissions


def others(permission):
    named = Permission.objects.filter(content_type__app_label="inventory")
    return set(named.values_list("codename", flat=True)) - {permission}


@pytest.mark.parametrize(
    ("method", "path", "body", "permission"),
    NEEDED,
    ids=[f"{method} {path} {' '.join(body)}" for method, path, body, _ in NEEDED],
)
def test_an_action_needs_its_own_permission_and_no_other(
    clerk, places, method, path, body, permission
):
    address = f"/api/v1/{path.format(**places)}"

    def answer(*permissions):
        browser = clerk(*permissions)
        given = {} if method == "GET" else {"data": body, "content_type": JSON}
        return getattr(browser, method.lower())(address, **given)

    before = Event.objects.count()
    refused = answer(*others(permission))
    assert refused.status_code == 403
    assert refused.json()["errors"][0]["code"] == "permission_denied"
    assert Event.objects.count() == before
    assert answer(permission).status_code in {200, 201}


@pytest.mark.parametrize(
    ("permissions", "status"),
    [
        (["add_batch"], 403),
        (["receive_batch"], 403),
        (["add_batch", "receive_batch"], 201),
    ],
)
def test_what_is_received_at_once_needs_the_permission_to_receive_besides(
    clerk, places, permissions, status
):
    browser = clerk(*permissions)
    answered = browser.post("/api/v1/batches", ORDERED, content_type=JSON)
    assert answered.status_code == status
    assert Batch.objects.filter(reference="2").exists() == (status == 201)


VIEWING = ["view_reservation", "view_batch"]
"""Whose figures a form shows must be seen besides."""


@pytest.mark.parametrize(
    ("page", "row", "permission"),
    [
        ("reservation_extend", "reservation", "extend_reservation"),
        ("reservation_release", "reservation", "release_reservation"),
        ("batch_add", None, "add_batch"),
        ("batch_receive", "batch", "receive_batch"),
        ("batch_quantity", "batch", "change_batch"),
        ("batch_cancel", "batch", "change_batch"),
        ("stocklevel_adjust", "level", "adjust_stock"),
        ("stocklevel_count", "level", "count_stock"),
        ("stocklevel_transfer", "level", "transfer_stock"),
        ("transfer_reverse", "transfer", "reverse_movement"),
        ("stockmovement_reverse", "movement", "reverse_movement"),
    ],
)
def test_the_forms_of_the_back_office_need_the_same(clerk, places, page, row, permission):
    address = reverse(f"admin:inventory_{page}", args=[places[row]] if row else [])
    assert clerk(*others(permission)).get(address).status_code == 403
    assert clerk(permission, *VIEWING).get(address).status_code == 200


def test_a_session_without_the_token_of_its_pages_does_nothing(clerk, places):
    clerk("release_reservation")
    browser = Client(enforce_csrf_checks=True)
    browser.force_login(User.objects.get())
    address = f"/api/v1/reservations/{places['reservation']}/release"
    assert browser.post(address).status_code == 403
    assert Reservation.objects.get().status == "active"
