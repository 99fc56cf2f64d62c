"""Bodies that the endpoints of categories, stock and transfers cannot use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bad_input.wire import JSON, JSONAPI, assert_refused

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

CATEGORIES = "/api/v1/categories"
INVENTORY = "/api/v1/inventory"
ONE_INVENTORY = "/api/v1/inventory/$product"
LOCATIONS = "/api/v1/locations"
LEVEL = "/api/v1/stock-levels/$level"
MOVEMENTS = "/api/v1/stock-movements"
MOVEMENT = f"{MOVEMENTS}/$movement"
REVERSE = f"{MOVEMENT}/reverse"
TRANSFERS = "/api/v1/transfers"
UNTOUCHED = {"product_id": "$untouched"}
UP = {"quantity_delta": 1}
MOVE = {"product_id": "$product", "from_location": "main", "to_location": "annex", "quantity": 1}
MOVE_BY_SKU = {name: value for name, value in MOVE.items() if name != "product_id"}
PLACE = {"code": "b", "name": "x"}

REFUSED: dict[tuple[str, str], list[tuple[Any, int, str]]] = {
    ("POST", CATEGORIES): [
        ({"name": "😀"}, 422, "invalid pointer:"),  # no letter to make a slug of
        ({"name": "a", "slug": "things"}, 409, "duplicate pointer:/slug"),
        ({"name": "a", "parent": "$product"}, 404, "not_found pointer:/parent"),
        ({"name": "a", "parent_id": "x"}, 404, "not_found pointer:/parent_id"),
    ],
    ("PATCH", f"{CATEGORIES}/$category"): [
        ({"parent": "$category"}, 422, "invalid pointer:/parent"),
    ],
    ("POST", INVENTORY): [
        ({}, 422, "required pointer:"),
        ({"product_id": "x"}, 404, "not_found pointer:/product_id"),
        ({"product_id": "$category"}, 404, "not_found pointer:/product_id"),
        ({"sku": "a\x00"}, 422, "control_character pointer:/sku"),
        ({"sku": "NOTHING"}, 404, "not_found pointer:/sku"),
        ({"product_id": "$product", "sku": "NOTHING"}, 404, "not_found pointer:/sku"),
        (UNTOUCHED | {"quantity": -1}, 422, "min_value pointer:/quantity"),
        (UNTOUCHED | {"quantity": 10**30}, 422, "max_value pointer:/quantity"),
        (UNTOUCHED | {"location": "x' --"}, 404, "not_found pointer:/location"),
        ({"product_id": "$product"}, 409, "duplicate"),  # product and location together
    ],
    ("PATCH", ONE_INVENTORY): [
        ({"quantity_delta": 0}, 422, "invalid pointer:/quantity_delta"),
        ({"quantity_delta": "5"}, 422, "invalid pointer:/quantity_delta"),
        ({"quantity_delta": 5.0}, 422, "invalid pointer:/quantity_delta"),
        ({"quantity_delta": True}, 422, "invalid pointer:/quantity_delta"),
        ({"quantity_delta": 10**30}, 422, "max_value pointer:/quantity_delta"),
        ({"quantity_delta": -(10**9)}, 422, "insufficient_stock pointer:/quantity_delta"),
        (UP | {"quantity": 9}, 422, "invalid pointer:/quantity"),
        (UP | {"reason": "theft"}, 422, "invalid_choice pointer:/reason"),
        (UP | {"reason": "sale"}, 422, "invalid pointer:/reason"),
        (UP | {"note": "a" * 1001}, 422, "max_length pointer:/note"),
        (UP | {"reference": "\x00"}, 422, "control_character pointer:/reference"),
        (UP | {"location": {}}, 422, "invalid pointer:/location"),
        (UP | {"location": "nowhere"}, 404, "not_found pointer:/location"),
        ({"quantity": 10, "location": "main"}, 428, "precondition_required"),  # body or header
        ({"quantity": 10, "expected_quantity": 1}, 422, "location_required pointer:"),
        (
            {"quantity": 10, "expected_quantity": 1, "location": "main"},
            409,
            "stale_quantity pointer:/expected_quantity",
        ),
        ({}, 422, "required pointer:"),
    ],
    ("POST", LOCATIONS): [
        (PLACE | {"code": "a b"}, 422, "invalid pointer:/code"),
        (PLACE | {"code": "$product"}, 422, "invalid pointer:/code"),
        (PLACE | {"code": "annex"}, 409, "duplicate pointer:/code"),
        (PLACE | {"priority": 2**31}, 422, "max_value pointer:/priority"),
        (PLACE | {"is_active": 1}, 422, "invalid pointer:/is_active"),
    ],
    ("DELETE", f"{LOCATIONS}/$location"): [(b"", 409, "location_in_use")],
    ("PATCH", LEVEL): [
        ({"reorder_point": -1}, 422, "min_value pointer:/reorder_point"),
        ({"reorder_quantity": 0}, 422, "min_value pointer:/reorder_quantity"),
        ({"movement_count": 0}, 422, "unknown_attribute pointer:/movement_count"),
        ([], 400, "malformed pointer:"),
    ],
    ("DELETE", LEVEL): [(b"", 405, "method_not_allowed")],
    ("POST", MOVEMENTS): [({"delta": 1}, 405, "method_not_allowed")],
    ("DELETE", MOVEMENT): [(b"", 405, "method_not_allowed")],
    ("POST", REVERSE): [
        ({"delta": 1}, 422, "unknown_attribute pointer:/delta"),
        ({"note": 5}, 422, "invalid pointer:/note"),
        (b"null", 400, "malformed pointer:"),
    ],
    ("POST", f"{MOVEMENTS}/$product/reverse"): [(b"", 404, "not_found")],
    ("POST", f"{MOVEMENTS}/x/reverse"): [(b"", 404, "not_found")],
    ("POST", TRANSFERS): [
        (MOVE | {"quantity": 0}, 422, "min_value pointer:/quantity"),
        (MOVE | {"quantity": 10**6}, 422, "insufficient_stock pointer:/quantity"),
        (MOVE | {"to_location": "main"}, 422, "invalid pointer:/to_location"),
        (MOVE | {"to_location": "\ufffd"}, 404, "not_found pointer:/to_location"),
        (MOVE | {"from_location": "nowhere"}, 404, "not_found pointer:/from_location"),
        (MOVE | {"from_location": None}, 422, "null pointer:/from_location"),
        (MOVE | {"product_id": "$category"}, 404, "not_found pointer:/product_id"),
        (MOVE | UNTOUCHED, 404, "not_found pointer:/product_id"),
        (MOVE_BY_SKU | {"sku": "NO-STOCK"}, 404, "not_found pointer:/sku"),
        (MOVE_BY_SKU, 422, "required pointer:"),
    ],
    ("POST", f"{TRANSFERS}/$transfer/reverse"): [
        ({"note": "\x00"}, 422, "control_character pointer:/note"),
    ],
}
CASES = [(*where, *case) for where, cases in REFUSED.items() for case in cases]


@pytest.mark.parametrize(("method", "path", "body", "status", "error"), CASES)
def test_every_endpoint_refuses_what_it_does_not_take(shop, method, path, body, status, error):
    assert_refused(shop.send(method, path, body, {"Content-Type": JSON}), status, error)


def test_all_that_is_missing_is_told_at_once(shop):
    answer = shop.send("POST", TRANSFERS, {})
    assert_refused(answer, 422, *["required pointer:"] * 4)
    missing = [error["meta"]["attribute"] for error in answer.document["errors"]]
    assert missing == ["from_location", "to_location", "quantity", "product_id"]


def test_a_relationship_to_nothing_is_pointed_at(shop):
    product = {"data": {"type": "products", "id": "$category"}}
    body = {"data": {"type": "inventory", "relationships": {"product": product}}}
    answer = shop.send("POST", INVENTORY, body, {"Content-Type": JSONAPI})
    assert_refused(answer, 404, "not_found pointer:/data/relationships/product")
