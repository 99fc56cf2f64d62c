"""Many changes of stock as one request: what becomes of the lines, and what it costs."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from common.events.models import Event
from inventory.models import Location, ReservationLine, StockLevel, StockMovement
from inventory.operations import change_batch
from tests.api_client import JSON
from tests.factories import LocationFactory, StockLevelFactory
from tests.inventory.adjustments import (
    adjust,
    all_is_well,
    codes,
    meta,
    on_hand,
    results,
    skipping,
)
from tests.inventory.promise_pages import held, ordered, past_its_time

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


# What becomes of the lines


def test_every_line_has_its_result_in_order(client, mug, cup):
    response = adjust(
        client,
        {"sku": "mug", "quantity_delta": -3, "reference": "ORDER-1", "note": "blue"},
        {"product_id": str(cup.product_id), "quantity_delta": -5},
        {"sku": "CUP", "location": "north", "quantity": 9, "expected_quantity": 2},
    )
    told = meta(response)
    assert (told["dry_run"], told["applied"], told["failed"], told["apply"]) == (False, 3, 0, None)
    movements = {str(one.pk): one for one in StockMovement.objects.filter(actor="tester")}
    found = [movements.pop(one["id"]) for line in told["lines"] for one in line["movements"]]
    assert movements == {}
    assert [(one.delta, one.reason, one.reference, one.note) for one in found] == [
        (-3, "sale", "ORDER-1", "blue"),
        (-3, "sale", "", ""),
        (-2, "sale", "", ""),
        (7, "count", "", ""),
    ]
    figures = ("sku", "location", "quantity_before", "quantity_after", "available")
    assert [tuple(line[name] for name in figures) for line in told["lines"]] == [
        ("MUG", "main", 7, 4, 4),
        ("CUP", None, 7, 2, 2),
        ("CUP", "north", 2, 9, 9),
    ]
    assert [line["product_id"] for line in told["lines"]] == [
        str(mug.product_id),
        str(cup.product_id),
        str(cup.product_id),
    ]
    assert on_hand() == {("MUG", "main"): 4, ("CUP", "main"): 0, ("CUP", "north"): 9}
    assert all_is_well()


def test_versions_and_figures_are_those_that_are_fetched_afterwards(client, mug, cup):
    found = results(
        adjust(
            client,
            {"sku": "MUG", "quantity_delta": 2},
            {"sku": "CUP", "quantity_delta": -1},
            {"sku": "CUP", "location": "north", "quantity_delta": -1},
        )
    )
    for line, path in zip(
        found,
        (f"inventory/{mug.product_id}", None, f"stock-levels/{cup.pk}"),
        strict=True,
    ):
        if path:
            now = client.get(f"/api/v1/{path}").json()["data"]["attributes"]
            assert line["version_after"] == now["version"]
            assert line["available"] == now["available"]
            assert line["quantity_after"] == now.get("quantity", now.get("on_hand"))


def test_movements_and_events_name_the_request_and_who_sent_it(client, mug, pen):
    response = adjust(
        client, {"sku": "MUG", "quantity_delta": -1}, {"sku": "PEN", "quantity_delta": 1}
    )
    cause = {"request_id": response["X-Request-ID"], "actor": "tester"}
    assert StockMovement.objects.filter(**cause).count() == 2
    events = Event.objects.filter(type="stock.changed", **cause)
    assert {event.data["sku"] for event in events} == {"MUG", "PEN"}


def test_lines_of_one_product_are_decided_one_after_the_other(client, mug):
    found = skipping(
        client,
        {"sku": "MUG", "quantity_delta": -5},
        {"sku": "MUG", "quantity_delta": -3},
        {"sku": "MUG", "quantity_delta": 4},
        {"sku": "MUG", "quantity": 1, "expected_quantity": 6},
    )
    assert codes(found) == [None, "insufficient_stock", None, None]
    after = [line["quantity_after"] for line in results(found)]
    assert after == [2, None, 6, 1]
    versions = [(line["version_before"], line["version_after"]) for line in results(found)]
    assert versions == [(2, 3), (None, None), (3, 4), (4, 5)]
    ledger = StockMovement.objects.order_by("sequence").values_list("delta", "on_hand_after")
    assert list(ledger) == [(7, 7), (-5, 2), (4, 6), (-5, 1)]
    assert all_is_well()


def test_a_count_that_finds_what_is_there_moves_nothing(client, mug):
    (line,) = results(adjust(client, {"sku": "MUG", "quantity": 7}))
    assert (line["quantity_before"], line["quantity_after"], line["movements"]) == (7, 7, [])
    assert line["version_before"] == line["version_after"] == 2
    assert StockMovement.objects.count() == 1


def test_units_may_come_to_a_place_where_the_product_was_not(client, mug, pen, cup):
    LocationFactory(code="attic")
    found = results(
        adjust(
            client,
            {"sku": "MUG", "location": "attic", "quantity_delta": 2},
            {"sku": "PEN", "location": "ATTIC", "quantity": 3, "expected_quantity": 0},
            {"sku": "MUG", "location": "attic", "quantity_delta": -1},
        )
    )
    assert [line["version_before"] for line in found] == [0, 0, 2]
    assert on_hand()["MUG", "attic"] == 1
    assert on_hand()["PEN", "attic"] == 3
    assert all_is_well()


def test_units_added_to_a_product_at_several_places_go_to_the_default_one(client):
    north, south = LocationFactory(code="north"), LocationFactory(code="south")
    level = StockLevelFactory(product__sku="CUP", location=north, on_hand=1)
    StockLevelFactory(product=level.product, location=south, on_hand=1)
    (line,) = results(adjust(client, {"sku": "CUP", "quantity_delta": 5}))
    assert [one["location"] for one in line["movements"]] == ["main"]
    assert on_hand()["CUP", "main"] == 5
    assert all_is_well()


def test_who_waits_for_units_gets_them_before_the_next_line_is_decided(client, mug):
    ordered("PO", 4)
    held("ORDER-1", 9)  # two of them wait on the batch
    batch = client.get("/api/v1/batches").json()["data"][0]["id"]
    client.patch(f"/api/v1/batches/{batch}", {"status": "cancelled"}, JSON)
    found = skipping(
        client,
        {"sku": "MUG", "quantity_delta": 3},
        {"sku": "MUG", "quantity_delta": -2},
        {"sku": "MUG", "quantity_delta": -1},
    )
    assert codes(found) == [None, "insufficient_stock", None]
    assert [line["available"] for line in results(found)] == [1, None, 0]
    assert all_is_well()


def test_a_hold_past_its_time_keeps_nobody_from_having_its_units(client, mug, pen):
    past_its_time(held("LATE", 6))
    past_its_time(held("LATE-2", 1, sku="PEN"))
    found = results(
        adjust(client, {"sku": "PEN", "quantity_delta": -1}, {"sku": "MUG", "quantity_delta": -7})
    )
    assert [line["available"] for line in found] == [0, 0]
    pen.refresh_from_db()
    assert pen.reserved == 1, "the sweeper's, as nobody needed it"
    assert all_is_well()


def test_a_batch_that_a_hold_past_its_time_had_goes_to_whoever_may_wait_for_it(client):
    """Also where somebody waits longer, who wants what is on hand."""
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    held("KEPT", 1)
    held("ORDER-1", 2, allow_incoming=False)
    held("ORDER-2", 2)
    ordered("PO", 2)
    late = held("LATE", 2)
    lost = {"quantity": 1, "expected_quantity": 5, "release_latest": True}
    client.patch(f"/api/v1/inventory/{level.product_id}", lost, JSON)
    past_its_time(late)
    short, unchanged = {"sku": "MUG", "quantity_delta": -1}, {"sku": "MUG", "quantity": 1}
    assert codes(skipping(client, short, unchanged)) == ["insufficient_stock", None]
    waiting = ReservationLine.objects.filter(unallocated__gt=0, reservation__status="active")
    orders = waiting.values_list("reservation__order_reference", flat=True)
    assert set(orders) == {"ORDER-1", "LATE"}, "ORDER-2 has the batch"
    assert all_is_well()


# What it costs


def every_kind_of_line(count: int) -> list[dict]:
    """Of all that may ask the database something: each kind for ``count`` products."""
    kinds: list[dict[str, object]] = [
        {"quantity": 0, "location": "main", "expected_quantity": 4},
        {"quantity_delta": -1},
        {"quantity_delta": 1},
        {"quantity_delta": 1, "location": "attic"},
        {"quantity_delta": 1, "location": "nowhere"},
        {"quantity_delta": -99},
        {"quantity": 3, "expected_quantity": 2},
    ]
    skus = [f"P-{count}-{number}" for number in range(count)]
    return [{"sku": sku, **kind} for kind in kinds for sku in [*skus, f"NO-{count}"]]


def shelves(count: int) -> None:
    """Products at two places, promised in time and past it; more is waited for than there is."""
    for number in range(count):
        sku = f"P-{count}-{number}"
        level = StockLevelFactory(product__sku=sku, on_hand=4)
        StockLevelFactory(product=level.product, location__code="north", on_hand=2)
        past_its_time(held(f"LATE-{sku}", 1, sku=sku))
        batch = ordered(f"PO-{sku}", 4, sku=sku)
        held(f"ORDER-{sku}", 7, sku=sku)
        change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
        ordered(f"PO-2-{sku}", 1, sku=sku)


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.slow
def test_it_takes_as_many_queries_for_one_product_as_for_many(client, dry_run):
    LocationFactory(code="attic")
    Location.objects.default()
    asked = []
    for count in (1, 6):
        shelves(count)
        lines = every_kind_of_line(count)
        skipping(client, {"sku": f"P-{count}-0", "quantity_delta": -99})
        with CaptureQueriesContext(connection) as sent:
            found = skipping(client, *lines, dry_run=dry_run)
        kinds = {"below_reserved", "insufficient_stock", "location_required", "not_found", None}
        assert kinds <= set(codes(found))
        asked.append(len(sent))
    assert asked[0] == asked[1]
    assert all_is_well()


@pytest.mark.slow
def test_a_thousand_lines_are_one_request_with_as_many_queries_as_ten(client):
    skus = [StockLevelFactory(on_hand=50).product.sku for _ in range(100)]
    asked = []
    adjust(client, {"sku": skus[0], "quantity_delta": 1})
    for count in (10, 1_000):
        lines = [
            {"sku": skus[n % 100], "quantity_delta": -1, "note": "x" * 400} for n in range(count)
        ]
        with CaptureQueriesContext(connection) as sent:
            assert meta(adjust(client, *lines))["applied"] == count
        asked.append(len(sent))
    assert asked[0] == asked[1]
    assert all_is_well()
