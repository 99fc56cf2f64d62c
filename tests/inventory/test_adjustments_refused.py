"""Many changes of stock as one request: lines that cannot be carried out, or not even read."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection

from common.events.models import Event
from inventory.models import StockLevel, StockMovement
from inventory.rules import MAX_ON_HAND
from tests.api_client import JSON
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.inventory.adjustments import (
    URL,
    adjust,
    all_is_well,
    codes,
    errors,
    meta,
    on_hand,
    results,
    skipping,
)
from tests.inventory.promise_pages import held, past_its_time
from tests.metrics import moving
from tests.openapi import assert_matches_schema

pytestmark = pytest.mark.django_db


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=7)


@pytest.fixture
def pen() -> StockLevel:
    return StockLevelFactory(product__sku="PEN", on_hand=2)


@pytest.fixture
def cup() -> StockLevel:
    """At two locations."""
    level = StockLevelFactory(product__sku="CUP", on_hand=3)
    return StockLevelFactory(product=level.product, location__code="north", on_hand=4)


def as_document(*lines, **wishes):
    values = {"lines": list(lines), **wishes}
    return {"data": {"type": "adjustments", "attributes": values}}


# What is refused


def refused(sku: str) -> list[tuple[dict, str]]:
    """Lines that cannot be carried out, and the attribute that each error points at."""
    return [
        ({"sku": sku, "quantity_delta": -99}, "quantity_delta"),
        ({"sku": sku, "quantity_delta": 1, "reason": "sale"}, "reason"),
        ({"sku": sku, "quantity_delta": 1, "location": "nowhere"}, "location"),
        ({"sku": sku, "quantity_delta": 1, "expected_quantity": 6}, "expected_quantity"),
        ({"sku": sku, "quantity": 5}, ""),
        ({"sku": sku, "quantity": 5, "quantity_delta": 1}, "quantity"),
        ({"sku": sku, "quantity": 5, "expected_quantity": 6}, "expected_quantity"),
        ({"sku": sku, "quantity": 1, "expected_quantity": 7}, "quantity"),
        ({"sku": sku, "quantity": 5, "expected_quantity": 7, "reason": "sale"}, "reason"),
    ]


@pytest.mark.parametrize(("line", "attribute"), refused("MUG"))
def test_the_error_of_a_line_is_the_one_that_a_single_change_gets(client, mug, line, attribute):
    held("ORDER-1", 2)
    values = {name: value for name, value in line.items() if name != "sku"}
    single = client.patch(f"/api/v1/inventory/{mug.product_id}", values, JSON)
    assert single.status_code >= 400
    (expected,) = single.json()["errors"]
    expected.pop("id")
    expected["source"] = {"pointer": f"/lines/0{'/' if attribute else ''}{attribute}"}
    (result,) = results(skipping(client, line))
    assert result["error"] == expected
    assert (result["sku"], result["quantity_before"], result["movements"]) == ("MUG", None, [])


def test_products_and_places_that_are_not_there_are_errors_of_their_line(client, mug, cup):
    bare = ProductFactory(sku="BARE")
    lines = [
        {"sku": "NONE", "quantity_delta": 1},
        {"product_id": str(uuid4()), "quantity_delta": 1},
        {"product_id": "no-uuid", "quantity_delta": 1},
        {"product_id": str(mug.product_id), "sku": "CUP", "quantity_delta": 1},
        {"sku": "BARE", "quantity_delta": 1},
        {"sku": "CUP", "quantity": 1, "expected_quantity": 7},
        {"sku": "CUP", "location": str(bare.pk), "quantity_delta": 1},
        {"sku": "MUG", "quantity_delta": -1},
    ]
    found = skipping(client, *lines)
    pointers = [
        line["error"]["source"]["pointer"] for line in results(found) if line["error"] is not None
    ]
    assert codes(found) == ["not_found"] * 5 + ["location_required", "not_found", None]
    assert pointers == [
        "/lines/0/sku",
        "/lines/1/product_id",
        "/lines/2/product_id",
        "/lines/3/product_id",
        "/lines/4/sku",
        "/lines/5",
        "/lines/6/location",
    ]
    assert on_hand()["MUG", "main"] == 6


def test_a_level_holds_no_more_than_its_limit_whatever_the_lines_add_up_to(client, mug):
    StockLevel.objects.filter(pk=mug.pk).update(on_hand=MAX_ON_HAND - 10)
    line = {"sku": "MUG", "quantity_delta": 6}
    assert codes(skipping(client, line, line)) == [None, "quantity_limit"]


def test_one_line_that_cannot_be_keeps_all_from_being_carried_out(client, mug, pen, cup):
    held("ORDER-1", 1)
    LocationFactory(code="attic")
    before = (on_hand(), StockMovement.objects.count(), Event.objects.count())
    response = adjust(
        client,
        {"sku": "MUG", "quantity_delta": -1},
        {"sku": "PEN", "quantity_delta": -9},
        {"sku": "PEN", "location": "attic", "quantity_delta": 5},
        {"sku": "NONE", "quantity_delta": 1},
        {"sku": "CUP", "location": "north", "quantity": 1, "expected_quantity": 5},
        {"sku": "MUG", "quantity": 5},
    )
    assert response.status_code == 422
    assert errors(response) == [
        ("422", "insufficient_stock", "/lines/1/quantity_delta"),
        ("404", "not_found", "/lines/3/sku"),
        ("409", "stale_quantity", "/lines/4/expected_quantity"),
        ("428", "precondition_required", "/lines/5"),
    ]
    assert response.json()["errors"][0]["meta"] == {
        "requested": 9,
        "available": 2,
        "shortfall": 7,
        "product_id": str(pen.product_id),
        "sku": "PEN",
    }
    assert (on_hand(), StockMovement.objects.count(), Event.objects.count()) == before
    assert_matches_schema(response, "adjustInventories")


def test_lines_that_fail_are_skipped_and_the_others_are_one_transaction(client, mug, pen):
    response = skipping(
        client,
        {"sku": "MUG", "quantity_delta": -1},
        {"sku": "PEN", "quantity_delta": -9},
        {"sku": "PEN", "quantity_delta": -2},
    )
    assert (meta(response)["applied"], meta(response)["failed"]) == (2, 1)
    assert_matches_schema(response, "adjustInventories")
    with connection.cursor() as cursor:
        cursor.execute("SELECT DISTINCT xmin FROM inventory_stockmovement WHERE delta < 0")
        assert len(cursor.fetchall()) == 1
    assert on_hand() == {("MUG", "main"): 6, ("PEN", "main"): 0}
    assert all_is_well()


def test_where_every_line_fails_nothing_is_written(client, mug):
    past_its_time(held("LATE", 2))
    before = Event.objects.count()
    assert codes(skipping(client, {"sku": "MUG", "quantity_delta": -8})) == ["insufficient_stock"]
    mug.refresh_from_db()
    assert (mug.reserved, Event.objects.count()) == (2, before)


def test_refusals_are_counted_line_by_line_and_those_of_a_dry_run_are_none(client, mug):
    short = {"sku": "MUG", "quantity_delta": -8}
    with moving() as moved:
        skipping(client, short, short, {"sku": "MUG", "quantity": 1})
        adjust(client, short)
        adjust(client, short, dry_run=True)
    assert moved("stock_refusals_total", code="insufficient_stock") == 3
    assert moved("stock_refusals_total", code="precondition_required") == 1
    assert moved("stock_refusals_total") == 4


def test_a_count_below_what_is_promised_names_the_orders_of_its_own_level(client, mug, cup):
    held("ORDER-1", 2)
    held("ORDER-2", 3)
    held("ORDER-3", 5, sku="CUP")
    found = results(
        skipping(
            client,
            {"sku": "MUG", "quantity": 1, "expected_quantity": 7},
            {"sku": "CUP", "location": "north", "quantity": 0, "expected_quantity": 4},
            {"sku": "CUP", "location": "main", "quantity": 0, "expected_quantity": 3},
        )
    )
    named = [
        [hold["order_reference"] for hold in line["error"]["meta"]["holds"]]
        if line["error"]
        else None
        for line in found
    ]
    assert named[0] == ["ORDER-2", "ORDER-1"]
    assert named[1:] in ([["ORDER-3"], ["ORDER-3"]], [["ORDER-3"], None], [None, ["ORDER-3"]])
    assert "ORDER-2 (3), ORDER-1 (2)" in found[0]["error"]["detail"]


# What cannot be read as lines

GOOD = {"sku": "MUG", "quantity_delta": -1}


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([], ("422", "empty", "lines")),
        ([GOOD] * 1_001, ("422", "max_length", "lines")),
        (GOOD, ("422", "invalid", "lines")),
        (None, ("422", "null", "lines")),
        ([GOOD, "MUG"], ("422", "invalid", "lines/1")),
        ([GOOD, {"quantity_delta": 1}], ("422", "required", "lines/1")),
        ([GOOD, {"sku": "MUG"}], ("422", "required", "lines/1")),
        ([GOOD, GOOD | {"quantity_delta": 0}], ("422", "invalid", "lines/1/quantity_delta")),
        ([GOOD | {"quantity_delta": "5"}], ("422", "invalid", "lines/0/quantity_delta")),
        ([GOOD | {"quantity_delta": 1.5}], ("422", "invalid", "lines/0/quantity_delta")),
        ([GOOD | {"quantity_delta": True}], ("422", "invalid", "lines/0/quantity_delta")),
        ([GOOD | {"quantity_delta": None}], ("422", "null", "lines/0/quantity_delta")),
        ([GOOD | {"quantity_delta": 10**9 + 1}], ("422", "max_value", "lines/0/quantity_delta")),
        ([GOOD | {"quantity_delta": 10**400}], ("422", "max_value", "lines/0/quantity_delta")),
        ([{"sku": "MUG", "quantity": -1}], ("422", "min_value", "lines/0/quantity")),
        ([GOOD | {"expected_version": -1}], ("422", "min_value", "lines/0/expected_version")),
        ([GOOD | {"expected_version": "2"}], ("422", "invalid", "lines/0/expected_version")),
        ([GOOD | {"reason": "theft"}], ("422", "invalid_choice", "lines/0/reason")),
        ([GOOD | {"note": "x" * 1_001}], ("422", "max_length", "lines/0/note")),
        ([GOOD | {"reference": "a\x00"}], ("422", "control_character", "lines/0/reference")),
        ([GOOD | {"product_id": 5}], ("422", "invalid", "lines/0/product_id")),
        ([GOOD | {"release_latest": True}], ("422", "unknown_attribute", "lines/0/release_latest")),
    ],
    ids=str,
)
def test_lines_that_cannot_be_meant_are_refused_as_a_whole(client, mug, lines, expected):
    *what, place = expected
    response = client.post(URL, {"lines": lines, "on_error": "skip_failed"}, JSON)
    assert (response.status_code, errors(response)) == (422, [(*what, f"/{place}")])
    assert on_hand() == {("MUG", "main"): 7}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "required"),
        ({"lines": [GOOD], "on_error": "stop"}, 422, "invalid_choice"),
        ({"lines": [GOOD], "on_error": None}, 422, "null"),
        ({"lines": [GOOD], "dry_run": "true"}, 422, "invalid"),
        ({"lines": [GOOD], "dry_run": 1}, 422, "invalid"),
        ({"lines": [GOOD], "dryrun": True}, 422, "unknown_attribute"),
        ([GOOD], 400, "malformed"),
        ({"data": {"type": "inventory", "attributes": {"lines": [GOOD]}}}, 409, "type_conflict"),
        (as_document(GOOD) | {"data": {"type": "adjustments", "id": "1"}}, 403, "client_id_not_"),
    ],
    ids=str,
)
def test_requests_that_are_wrong_as_a_whole_change_nothing(client, mug, body, status, code):
    response = client.post(URL, body, JSON)
    assert response.status_code == status
    assert response.json()["errors"][0]["code"].startswith(code)
    assert on_hand() == {("MUG", "main"): 7}


def test_the_address_takes_posts_alone_with_and_without_a_slash(client, mug):
    assert client.get(URL).status_code == 405
    assert client.get(URL)["Allow"] == "POST"
    assert client.post(f"{URL}/", {"lines": [GOOD]}, JSON).status_code == 200


def test_a_jsonapi_client_sends_the_same_as_a_document(client, mug):
    response = client.post(URL, as_document(GOOD, {"sku": "NONE", "quantity_delta": 1}))
    assert response.status_code == 422, "of the request; the error has its own"
    assert errors(response) == [("404", "not_found", "/data/attributes/lines/1/sku")]
    wrong = client.post(URL, as_document(GOOD, GOOD | {"quantity_delta": 0}))
    assert errors(wrong) == [("422", "invalid", "/data/attributes/lines/1/quantity_delta")]
    assert results(client.post(URL, as_document(GOOD)))[0]["quantity_after"] == 6
