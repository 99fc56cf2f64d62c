"""Atomic operations on the catalogue and on stock: done in order, all of them or none."""

from __future__ import annotations

from datetime import date

import pytest

from common.events.models import Event
from common.webhooks.models import WebhookEndpoint
from inventory.models import Batch, Location, Reservation, StockLevel, StockMovement
from inventory.operations import Wanted, adjust_stock, create_batch, reserve, transfer_stock
from inventory.rules import Change
from products.models import Product
from tests.common.api.atomic import (
    act,
    add,
    carry_out,
    refusal,
    remove,
    results,
    update,
)
from tests.factories import CategoryFactory, LocationFactory, StockLevelFactory

pytestmark = pytest.mark.django_db

API = "/api/v1"
MUG = {"name": "Mug", "description": "Red", "price": "4.00", "sku": "MUG"}
LATER = "2099-12-01"


def mug(of: str = "products") -> dict[str, str]:
    return {"type": of, "lid": "mug"}


def test_a_new_product_is_stocked_moved_held_and_sold_in_one_request(client):
    """Every type that can be added; each names what an operation before it has made."""
    found = results(
        carry_out(
            client,
            add("categories", {"name": "Mugs"}, lid="mug"),
            add("products", MUG, lid="mug", category=mug("categories")),
            add("locations", {"code": "far", "name": "Far"}, lid="far"),
            add("inventory", {"quantity": 9}, product=mug()),
            add(
                "transfers",
                {"quantity": 4},
                product=mug(),
                from_location={"type": "locations", "id": str(Location.objects.default().pk)},
                to_location={"type": "locations", "lid": "far"},
            ),
            add("batches", {"reference": "PO", "quantity": 5, "eta": LATER}, product=mug()),
            add(
                "reservations",
                {
                    "order_reference": "1",
                    "allow_incoming": True,
                    "lines": [{"sku": "MUG", "quantity": 11}],
                },
            ),
            add("webhook-endpoints", {"url": "https://example.com/", "event_types": []}),
        )
    )
    kinds = ["categories", "products", "locations", "inventory", "transfers", "batches"]
    assert [one["data"]["type"] for one in found] == [*kinds, "reservations", "webhook-endpoints"]
    product = Product.objects.get(sku="MUG")
    levels = dict(product.stock_levels.values_list("location__code", "on_hand"))
    assert levels == {"main": 5, "far": 4}
    assert found[6]["data"]["attributes"]["promise_date"] == LATER
    assert found[7]["data"]["attributes"]["secret"].startswith("whsec_")


def test_every_type_that_can_be_changed_or_removed_is(client):
    level = StockLevelFactory(on_hand=9)
    far, unused, category = LocationFactory(), LocationFactory(), CategoryFactory()
    batch = create_batch(
        reference="PO", quantity=5, sku=level.product.sku, eta=date.fromisoformat(LATER)
    )
    endpoint = {"type": "webhook-endpoints", "lid": "hook"}
    carry_out(
        client,
        update("products", level.product_id, {"name": "Cup"}),
        update("inventory", level.product_id, {"quantity": 7, "expected_quantity": 9}),
        update("stock-levels", level.pk, {"reorder_point": 3}),
        update("locations", far.pk, {"name": "Very far"}),
        update("categories", category.pk, {"name": "Cups"}),
        update("batches", batch.pk, {"quantity": 6}),
        add("webhook-endpoints", {"url": "https://example.com/"}, lid="hook"),
        {"op": "update", "data": endpoint | {"attributes": {"is_active": False}}},
        {
            "op": "update",
            "ref": {
                "type": "products",
                "id": str(level.product_id),
                "relationship": "category",
            },
            "data": {"type": "categories", "id": str(category.pk)},
        },
        {
            "op": "update",
            "href": f"{API}/products/{level.product_id}/relationships/category",
            "data": None,
        },
        remove("locations", unused.pk),
        remove("categories", category.pk),
        {"op": "remove", "ref": endpoint},
        remove("products", level.product_id),
    )
    level.refresh_from_db()
    assert (level.on_hand, level.reorder_point) == (7, 3)
    assert Location.objects.get(pk=far.pk).name == "Very far"
    assert Batch.objects.get(pk=batch.pk).quantity == 6
    assert not Location.objects.filter(pk=unused.pk).exists()
    assert not Product.objects.living().exists()
    assert not WebhookEndpoint.objects.filter(deleted_at=None).exists()


def test_actions_are_operations_on_their_addresses(client):
    level = StockLevelFactory(on_hand=9)
    sku, far = level.product.sku, LocationFactory(code="far")
    batch = create_batch(reference="PO", quantity=5, sku=sku, eta=date.fromisoformat(LATER))
    held = [reserve(order_reference=str(n), lines=[Wanted(1, sku=sku)])[0] for n in range(3)]
    moved = transfer_stock(sku=sku, from_location="main", to_location=far.code, quantity=2)
    sent, kept, let_go = (f"{API}/reservations/{one.pk}" for one in held)
    adjust_stock(changes=[Change(product_id=level.product_id, delta=2)])
    receipt = level.movements.get(delta=2)
    found = results(
        carry_out(
            client,
            act(f"{API}/batches/{batch.pk}/receive", quantity=4),
            {"op": "add", "href": f"{sent}/confirm"},
            act(f"{sent}/ship", lines=[{"sku": sku, "quantity": 1}]),
            act(f"{kept}/extend", expires_in=60),
            {"op": "update", "href": f"{let_go}/release"},
            act(f"{API}/transfers/{moved.pk}/reverse"),
            {"op": "add", "href": "/availability", "data": _question(sku)},
            act(f"/stock-movements/{receipt.pk}/reverse", note="Counted twice"),
        )
    )
    statuses = [one["data"]["attributes"].get("status") for one in found[:5]]
    assert statuses == ["incoming", "confirmed", "shipped", "active", "released"]
    assert found[6]["meta"]["lines"][0]["available"] == 5
    assert found[7]["data"]["attributes"]["delta"] == -2
    assert Reservation.objects.open().count() == 1


def _question(sku):
    return {"type": "availability", "attributes": {"lines": [{"sku": sku, "quantity": 5}]}}


def test_an_operation_sees_what_those_before_it_did(client):
    level = StockLevelFactory(on_hand=1)
    sale = update("inventory", level.product_id, {"quantity_delta": -1})
    back = update("inventory", level.product_id, {"quantity_delta": 1, "reason": "return"})
    found = results(carry_out(client, sale, back, sale, back, sale))
    assert [one["data"]["attributes"]["quantity"] for one in found] == [0, 1, 0, 1, 0]
    ledger = StockMovement.objects.filter(stock_level=level).order_by("sequence")
    assert list(ledger.values_list("sequence", "on_hand_after")) == [
        (1, 1),
        (2, 0),
        (3, 1),
        (4, 0),
        (5, 1),
        (6, 0),
    ]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
def test_a_refusal_undoes_everything_wherever_it_comes(client, place):
    level = StockLevelFactory(on_hand=3)
    before = Event.objects.count()
    document = [
        add("products", MUG),
        update("inventory", level.product_id, {"quantity_delta": -2}),
        add("reservations", {"order_reference": "1", "lines": [_line(level, 1)]}),
    ]
    document.insert(place, update("inventory", level.product_id, {"quantity_delta": -9}))
    answer = carry_out(client, *document)
    pointer = f"/atomic:operations/{place}/data/attributes/quantity_delta"
    assert refusal(answer) == (422, "insufficient_stock", pointer)
    level.refresh_from_db()
    assert (level.on_hand, level.reserved, level.version) == (3, 0, 2)
    assert not Product.objects.filter(sku="MUG").exists()
    assert not Reservation.objects.exists()
    assert Event.objects.count() == before


def _line(level: StockLevel, quantity: int) -> dict[str, object]:
    return {"sku": level.product.sku, "quantity": quantity}


def test_every_short_line_of_an_operation_is_told(client):
    levels = [StockLevelFactory(on_hand=1) for _ in range(2)]
    lines = [_line(level, 5) for level in levels]
    hold = add("reservations", {"order_reference": "1", "lines": lines})
    answer = carry_out(client, add("products", MUG), hold)
    start = "/atomic:operations/1/data/attributes/lines"
    assert [error["source"]["pointer"] for error in answer.json()["errors"]] == [
        f"{start}/0",
        f"{start}/1",
    ]


def test_shipping_needs_another_scope_than_holding(api_client):
    level = StockLevelFactory(on_hand=2)
    hold = add("reservations", {"order_reference": "1", "lines": [_line(level, 1)]})
    shop = api_client("reservations:write")
    made = results(carry_out(shop, hold))[0]["data"]["id"]
    ship = act(f"{API}/reservations/{made}/ship")
    assert refusal(carry_out(shop, hold, ship)) == (
        403,
        "permission_denied",
        "/atomic:operations/1",
    )
    warehouse = api_client("reservations:write", "inventory:write")
    assert carry_out(warehouse, hold, ship).status_code == 200


def test_a_count_proves_by_the_quantity_that_it_expects(client):
    level = StockLevelFactory(on_hand=5)
    answer = carry_out(client, update("inventory", level.product_id, {"quantity": 4}))
    assert answer.status_code == 428
    wrong = update("inventory", level.product_id, {"quantity": 4, "expected_quantity": 6})
    assert refusal(carry_out(client, wrong))[:2] == (409, "stale_quantity")


def test_each_movement_and_event_knows_the_request_and_the_sender(client):
    level = StockLevelFactory(on_hand=5)
    sale = update("inventory", level.product_id, {"quantity_delta": -1})
    assert carry_out(client, sale, sale, **{"X-Request-ID": "basket-7"}).status_code == 200
    ledger = level.movements.filter(sequence__gt=1)
    assert set(ledger.values_list("actor", "request_id")) == {("tester", "basket-7")}
    assert Event.objects.filter(request_id="basket-7").count() == 2


def test_many_changes_can_be_one_operation_and_be_rehearsed(client):
    """A rehearsal sees what came before it, and keeps nobody after it from writing."""
    level = StockLevelFactory(on_hand=5)
    sale = {"sku": level.product.sku, "quantity_delta": -2}
    rehearsed, sold = (
        add("adjustments", {"lines": [sale], "dry_run": dry}) | {"href": "/inventory/adjustments"}
        for dry in (True, False)
    )
    found = results(carry_out(client, rehearsed, sold, rehearsed, sold))
    assert [one["meta"]["lines"][0]["quantity_after"] for one in found] == [3, 3, 1, 1]
    answer = carry_out(client, sold)
    pointer = "/atomic:operations/0/data/attributes/lines/0/quantity_delta"
    assert refusal(answer)[::2] == (422, pointer)
    level.refresh_from_db()
    assert level.on_hand == 1
