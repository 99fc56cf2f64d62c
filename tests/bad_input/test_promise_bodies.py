"""Bodies that the endpoints of batches, reservations and availability cannot use."""

from __future__ import annotations

from typing import Any

import pytest

from tests.bad_input.wire import JSON, JSONAPI, assert_refused

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("without_effect")]

BATCHES = "/api/v1/batches"
BATCH = f"{BATCHES}/$batch"
RECEIVE = f"{BATCH}/receive"
CANCELLED = f"{BATCHES}/$cancelled"
ORDER = {"product_id": "$ordered", "reference": "new", "quantity": 5, "eta": "2099-01-01"}

RESERVATIONS = "/api/v1/reservations"
HOLD = f"{RESERVATIONS}/$reservation"
SHIPPED = f"{RESERVATIONS}/$shipped"
AVAILABILITY = "/api/v1/availability"
LINE = {"product_id": "$product", "quantity": 1}
UNKNOWN_LINE = {"sku": "NOTHING", "quantity": 1}


def lines(*sent):
    return {"lines": list(sent)}


RESERVE = {"order_reference": "new", **lines(LINE)}

LINES = [
    (lines(), 422, "empty pointer:/lines"),
    ({"lines": {}}, 422, "invalid pointer:/lines"),
    ({"lines": "x"}, 422, "invalid pointer:/lines"),
    ({"lines": None}, 422, "null pointer:/lines"),
    (lines(*[LINE] * 201), 422, "max_length pointer:/lines"),
    (lines(5), 422, "invalid pointer:/lines/0"),
    (lines(LINE, None), 422, "invalid pointer:/lines/1"),
    (lines([]), 422, "invalid pointer:/lines/0"),
    (lines({"quantity": 1}), 422, "required pointer:/lines/0"),
    (lines({"product_id": "$product"}), 422, "required pointer:/lines/0"),
    (lines(LINE, {"sku": 5, "quantity": 1}), 422, "invalid pointer:/lines/1/sku"),
    (lines(LINE | {"sku": "\x00"}), 422, "control_character pointer:/lines/0/sku"),
    (lines(LINE | {"quantity": 0}), 422, "min_value pointer:/lines/0/quantity"),
    (lines(LINE | {"quantity": -1}), 422, "min_value pointer:/lines/0/quantity"),
    (lines(LINE | {"quantity": 10**30}), 422, "max_value pointer:/lines/0/quantity"),
    (lines(LINE | {"quantity": "1"}), 422, "invalid pointer:/lines/0/quantity"),
    (lines(LINE | {"quantity": 1.0}), 422, "invalid pointer:/lines/0/quantity"),
    (lines(LINE, LINE | {"product_id": "x"}), 404, "not_found pointer:/lines/1/product_id"),
    (lines(LINE | {"product_id": "$category"}), 404, "not_found pointer:/lines/0/product_id"),
    (lines(LINE, UNKNOWN_LINE), 404, "not_found pointer:/lines/1/sku"),
    (lines(LINE | {"note": "x"}), 422, "unknown_attribute pointer:/lines/0/note"),
    (lines(LINE | {"a/b~c": 1}), 422, "unknown_attribute pointer:/lines/0/a~1b~0c"),
]
"""What no endpoint takes for lines."""

REFUSED: dict[tuple[str, str], list[tuple[Any, int, str]]] = {
    ("POST", BATCHES): [
        (b"", 400, "malformed"),
        (ORDER | {"quantity": 0}, 422, "min_value pointer:/quantity"),
        (ORDER | {"quantity": 10**30}, 422, "max_value pointer:/quantity"),
        (ORDER | {"quantity": "5"}, 422, "invalid pointer:/quantity"),
        (ORDER | {"reference": ""}, 422, "blank pointer:/reference"),
        (ORDER | {"reference": "a" * 256}, 422, "max_length pointer:/reference"),
        (ORDER | {"reference": "\x00"}, 422, "control_character pointer:/reference"),
        (ORDER | {"reference": 5}, 422, "invalid pointer:/reference"),
        (ORDER | {"reference": "coming"}, 409, "duplicate pointer:/reference"),
        (ORDER | {"eta": "tomorrow"}, 422, "invalid_date pointer:/eta"),
        (ORDER | {"eta": "2026-02-30"}, 422, "invalid_date pointer:/eta"),
        (ORDER | {"eta": "99999-01-01"}, 422, "invalid_date pointer:/eta"),
        (ORDER | {"eta": "0000-01-01"}, 422, "invalid_date pointer:/eta"),
        (ORDER | {"eta": "2026-01-01T00:00:00Z"}, 422, "invalid_date pointer:/eta"),
        (ORDER | {"eta": "\uff12026-01-01"}, 422, "invalid_date pointer:/eta"),
        (ORDER | {"eta": 20260101}, 422, "invalid pointer:/eta"),
        (ORDER | {"product_id": "x"}, 404, "not_found pointer:/product_id"),
        (ORDER | {"product_id": "$category"}, 404, "not_found pointer:/product_id"),
        (ORDER | {"sku": "NOTHING"}, 404, "not_found pointer:/sku"),
        (ORDER | {"location": "nowhere"}, 404, "not_found pointer:/location"),
        (ORDER | {"location": []}, 422, "invalid pointer:/location"),
        (ORDER | {"colour": "red"}, 422, "unknown_attribute pointer:/colour"),
    ],
    ("PATCH", BATCH): [
        ([], 400, "malformed pointer:"),
        ({"quantity": 0}, 422, "min_value pointer:/quantity"),
        ({"status": "lost"}, 422, "invalid_choice pointer:/status"),
        ({"status": "received"}, 422, "invalid pointer:/status"),
        ({"eta": None}, 422, "invalid pointer:/eta"),
        ({"eta": "x"}, 422, "invalid_date pointer:/eta"),
        ({"colour": 1}, 422, "unknown_attribute pointer:/colour"),
    ],
    ("PATCH", CANCELLED): [({"quantity": 9}, 409, "batch_received")],
    ("PATCH", f"{BATCHES}/$product"): [({"quantity": 9}, 404, "not_found")],
    ("PATCH", f"{BATCHES}/x"): [({"quantity": 9}, 404, "not_found")],
    ("DELETE", BATCH): [(b"", 405, "method_not_allowed")],
    ("POST", RECEIVE): [
        (b"null", 400, "malformed pointer:"),
        ({"quantity": 0}, 422, "min_value pointer:/quantity"),
        ({"quantity": 1.5}, 422, "invalid pointer:/quantity"),
        ({"quantity": 8}, 422, "exceeds_ordered pointer:/quantity"),
        ({"colour": 1}, 422, "unknown_attribute pointer:/colour"),
    ],
    ("POST", f"{CANCELLED}/receive"): [(b"", 409, "batch_received")],
    ("POST", f"{BATCHES}/$product/receive"): [(b"", 404, "not_found")],
    ("POST", f"{BATCHES}/x/receive"): [(b"", 404, "not_found")],
    ("POST", RESERVATIONS): [
        (b"", 400, "malformed"),
        ({"order_reference": "new"}, 422, "required pointer:"),
        *((RESERVE | body, status, error) for body, status, error in LINES),
        (RESERVE | {"order_reference": " "}, 422, "blank pointer:/order_reference"),
        (RESERVE | {"order_reference": "\x00"}, 422, "control_character pointer:/order_reference"),
        (RESERVE | {"order_reference": "a" * 256}, 422, "max_length pointer:/order_reference"),
        (
            RESERVE | {"order_reference": "kept"},
            409,
            "order_reference_conflict pointer:/order_reference",
        ),
        (RESERVE | {"expires_in": 0}, 422, "min_value pointer:/expires_in"),
        (RESERVE | {"expires_in": 7 * 86_400 + 1}, 422, "max_value pointer:/expires_in"),
        (RESERVE | {"expires_in": "900"}, 422, "invalid pointer:/expires_in"),
        (RESERVE | {"allow_incoming": 1}, 422, "invalid pointer:/allow_incoming"),
        (RESERVE | {"customer": "x"}, 422, "unknown_attribute pointer:/customer"),
        (
            RESERVE | lines(LINE, LINE | {"quantity": 10**9}),  # one product: its first line
            422,
            "insufficient_stock pointer:/lines/0",
        ),
        (
            RESERVE | lines(LINE, {"product_id": "$untouched", "quantity": 1}),
            422,
            "insufficient_stock pointer:/lines/1",
        ),
    ],
    ("PATCH", HOLD): [({"expires_in": 5}, 405, "method_not_allowed")],
    ("DELETE", HOLD): [(b"", 405, "method_not_allowed")],
    ("POST", f"{HOLD}/confirm"): [
        ([], 400, "malformed pointer:"),
        ({"x": 1}, 422, "unknown_attribute pointer:/x"),
    ],
    ("POST", f"{HOLD}/extend"): [
        ({"expires_in": -1}, 422, "min_value pointer:/expires_in"),
        ({"expires_in": 10**30}, 422, "max_value pointer:/expires_in"),
        ({"expires_in": None}, 422, "null pointer:/expires_in"),
    ],
    ("POST", f"{HOLD}/release"): [(lines(LINE), 422, "unknown_attribute pointer:/lines")],
    ("POST", f"{HOLD}/ship"): [
        *LINES,
        (lines(LINE | {"quantity": 3}), 422, "exceeds_ordered pointer:/lines/0/quantity"),
        (
            lines({"product_id": "$ordered", "quantity": 1}),
            422,
            "exceeds_ordered pointer:/lines/0/quantity",
        ),
    ],
    ("POST", f"{HOLD}/cancel"): [(b"", 404, "not_found")],
    ("POST", f"{SHIPPED}/extend"): [(b"", 409, "reservation_not_active")],
    ("POST", f"{SHIPPED}/release"): [(b"", 409, "reservation_not_active")],
    ("POST", f"{RESERVATIONS}/$product/confirm"): [(b"", 404, "not_found")],
    ("POST", f"{RESERVATIONS}/x/ship"): [(b"", 404, "not_found")],
    ("POST", AVAILABILITY): [
        (b"", 400, "malformed"),
        ({}, 422, "required pointer:"),
        *LINES,
        (lines(LINE) | {"allow_incoming": "no"}, 422, "invalid pointer:/allow_incoming"),
        (lines(LINE) | {"expires_in": 5}, 422, "unknown_attribute pointer:/expires_in"),
    ],
    ("GET", AVAILABILITY): [(b"", 405, "method_not_allowed")],
}
CASES = [(*where, *case) for where, cases in REFUSED.items() for case in cases]


@pytest.mark.parametrize(("method", "path", "body", "status", "error"), CASES)
def test_every_endpoint_refuses_what_it_does_not_take(shop, method, path, body, status, error):
    assert_refused(shop.send(method, path, body, {"Content-Type": JSON}), status, error)


SEVERAL = [
    (BATCHES, {}, ["required pointer:"] * 3),
    (RESERVATIONS, {}, ["required pointer:"] * 2),
    (AVAILABILITY, lines({}), ["required pointer:/lines/0"] * 2),
    (
        RESERVATIONS,
        RESERVE | lines({"product_id": "$ordered", "quantity": 1}, LINE | {"quantity": 10**6}),
        ["insufficient_stock pointer:/lines/0", "insufficient_stock pointer:/lines/1"],
    ),
    (
        RESERVATIONS,
        lines({"sku": 5, "quantity": True}, LINE, {"quantity": 0}) | {"expires_in": 1.5},
        [
            "required pointer:",
            "invalid pointer:/lines/0/sku",
            "invalid pointer:/lines/0/quantity",
            "required pointer:/lines/2",
            "min_value pointer:/lines/2/quantity",
            "invalid pointer:/expires_in",
        ],
    ),
]


@pytest.mark.parametrize(("path", "body", "errors"), SEVERAL)
def test_all_that_is_wrong_is_told_at_once(shop, path, body, errors):
    assert_refused(shop.send("POST", path, body, {"Content-Type": JSON}), 422, *errors)
    wrapped = {"data": {"type": path.split("/")[-1], "attributes": body}}
    within = [error.replace("pointer:", "pointer:/data/attributes") for error in errors]
    assert_refused(shop.send("POST", path, wrapped, {"Content-Type": JSONAPI}), 422, *within)


def test_what_a_line_lacks_is_named(shop):
    answer = shop.send("POST", AVAILABILITY, lines(LINE, {}))
    missing = [error["meta"]["attribute"] for error in answer.document["errors"]]
    assert missing == ["product_id", "quantity"]


def about(type_, id_):
    return {"data": {"type": type_, "id": id_}}


def of(product):
    attributes = {"reference": "new", "quantity": 1}
    relationships = {"product": product}
    batch = {"type": "batches", "attributes": attributes, "relationships": relationships}
    return {"data": batch}


CONFIRM = f"{HOLD}/confirm"
OWN = "/data/relationships/product"
OTHER_PRODUCT = {"data": of(about("products", "$product"))["data"] | {"id": "$batch"}}
DOCUMENTS = [
    (CONFIRM, about("batches", "$reservation"), 409, "type_conflict pointer:/data/type"),
    (CONFIRM, about("reservations", "$batch"), 409, "id_conflict pointer:/data/id"),
    (AVAILABILITY, about("availability", "x"), 403, "client_id_not_supported pointer:/data/id"),
    (BATCHES, of(about("products", "$category")), 404, f"not_found pointer:{OWN}"),
    (BATCHES, of(about("products", "x")), 404, f"not_found pointer:{OWN}/data/id"),
    (BATCHES, of(about("batches", "$batch")), 409, f"type_conflict pointer:{OWN}/data/type"),
    (BATCHES, of({"data": None}), 422, f"null pointer:{OWN}"),
    (BATCHES, of({}), 400, f"malformed pointer:{OWN}"),
    (BATCH, OTHER_PRODUCT, 403, f"read_only pointer:{OWN}"),
]


@pytest.mark.parametrize(("path", "body", "status", "error"), DOCUMENTS)
def test_a_document_that_is_about_something_else_is_refused(shop, path, body, status, error):
    method = "PATCH" if path == BATCH else "POST"
    assert_refused(shop.send(method, path, body, {"Content-Type": JSONAPI}), status, error)
