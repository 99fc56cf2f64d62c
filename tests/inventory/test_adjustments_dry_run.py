"""What a dry run of many changes answers, that it changes nothing, and how it is made true."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from threading import Event as Signal

import pytest
from django.db import InternalError, connection

from inventory.models import Location, StockLevel
from inventory.operations import adjusting, drafts
from tests.api_client import JSON
from tests.factories import LocationFactory, StockLevelFactory
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
from tests.inventory.promise_pages import held, ordered, past_its_time
from tests.inventory.test_races import held as held_by_another
from tests.openapi import assert_matches_schema
from tests.racing import in_a_thread

pytestmark = pytest.mark.django_db
SALE = {"sku": "MUG", "quantity_delta": -3}


@pytest.fixture
def mug() -> StockLevel:
    return StockLevelFactory(product__sku="MUG", on_hand=7)


@pytest.fixture
def shop(mug):
    """Stock at two places, on its way, promised, and promised past its time."""
    StockLevelFactory(product=mug.product, location__code="north", on_hand=4)
    StockLevelFactory(product__sku="PEN", on_hand=2)
    LocationFactory(code="attic")
    ordered("PO", 5)
    past_its_time(held("LATE", 2))
    held("ORDER-1", 4)
    held("ORDER-2", 2, sku="PEN")
    ordered("PO-2", 3, sku="PEN")
    held("ORDER-3", 2, sku="PEN")


LINES = [
    SALE,
    {"sku": "MUG", "location": "attic", "quantity_delta": 5},
    {"sku": "MUG", "location": "attic", "quantity": 4, "expected_quantity": 5},
    {"sku": "MUG", "quantity_delta": 2},
    {"sku": "MUG", "quantity_delta": -8},
    {"sku": "MUG", "quantity_delta": -99},
    {"sku": "PEN", "quantity": 1, "expected_quantity": 2},
    {"sku": "PEN", "quantity_delta": 3, "reason": "return"},
    {"sku": "PEN", "quantity_delta": -3},
    {"sku": "NONE", "quantity_delta": 1},
    {"sku": "PEN", "location": "nowhere", "quantity_delta": 1},
]


def rows() -> dict[str, int]:
    """How many every table has."""
    with connection.cursor() as cursor:
        names = connection.introspection.table_names(cursor)
        counted = {}
        for name in names:
            cursor.execute(f'SELECT count(*), max(xmin::text::bigint) FROM "{name}"')  # noqa: S608
            counted[name] = cursor.fetchone()
    return counted


def without_ids(lines):
    """Results, but for what a movement is called once it has been made."""
    return [
        line | {"movements": [one | {"id": None} for one in line["movements"]]} for line in lines
    ]


@pytest.mark.usefixtures("shop")
def test_it_tells_what_then_happens(client):
    rehearsed = skipping(client, *LINES, dry_run=True)
    assert_matches_schema(rehearsed, "adjustInventories")
    done = skipping(client, *LINES)
    told = meta(rehearsed)
    assert told["dry_run"] is True
    assert (told["applied"], told["failed"]) == (7, 4)
    assert told["lines"] == without_ids(results(done))
    assert {one["id"] for line in told["lines"] for one in line["movements"]} == {None}
    assert all_is_well()


@pytest.mark.usefixtures("shop")
def test_it_writes_nothing(client):
    adjust(client, SALE, dry_run=True)  # from here on the key is known
    before = rows()
    for on_error in ("reject_all", "skip_failed"):
        assert adjust(client, *LINES, on_error=on_error, dry_run=True).status_code == 200
    assert rows() == before


def test_postgresql_would_not_let_it(client, mug, monkeypatch):
    """Negative control: a rehearsal that locks what it reads is an error of the database."""
    monkeypatch.setattr(drafts.Rehearsal, "seen", drafts.Draft.locked)
    with pytest.raises(InternalError, match="read-only transaction"):
        adjust(client, SALE, dry_run=True)


def test_where_one_line_would_keep_all_from_being_carried_out_none_would_be(client, mug):
    told = meta(adjust(client, SALE, {"sku": "NONE", "quantity_delta": 1}, dry_run=True))
    assert (told["applied"], told["failed"]) == (0, 1)
    assert [line["quantity_after"] for line in told["lines"]] == [4, None]


def test_it_knows_a_default_location_that_is_still_to_be_made(client):
    level = StockLevelFactory(product__sku="CUP", location__code="north", on_hand=1)
    StockLevelFactory(product=level.product, location__code="south", on_hand=1)
    Location.objects.filter(code="main").delete()
    line = {"sku": "CUP", "quantity_delta": 5}
    rehearsed = results(adjust(client, line, dry_run=True))
    assert not Location.objects.filter(code="main").exists()
    assert rehearsed == without_ids(results(adjust(client, line)))
    assert on_hand()["CUP", "main"] == 5


# Making it true


@pytest.mark.usefixtures("shop")
@pytest.mark.parametrize("form", ["plain", "document"])
def test_its_answer_is_sent_back_as_it_is(client, form):
    values = {"lines": LINES, "on_error": "skip_failed", "dry_run": True}
    body = values if form == "plain" else {"data": {"type": "adjustments", "attributes": values}}
    told = meta(client.post(URL, body, JSON))
    done = client.post(URL, told["apply"], JSON)
    assert without_ids(results(done)) == told["lines"]
    assert all_is_well()


def test_lines_whose_stock_has_changed_since_are_refused_and_the_others_are_not(client, mug):
    StockLevelFactory(product__sku="PEN", on_hand=2)
    pen = {"sku": "PEN", "quantity_delta": -1}
    body = meta(skipping(client, SALE, pen, dry_run=True))["apply"]
    adjust(client, {"sku": "MUG", "quantity_delta": 1})
    found = client.post(URL, body, JSON)
    assert codes(found) == ["stale_quantity", None]
    assert results(found)[0]["error"] | {"detail": ""} == {
        "status": "409",
        "code": "stale_quantity",
        "title": "Conflict",
        "detail": "",
        "source": {"pointer": "/lines/0/expected_version"},
        "meta": {"expected": None, "expected_version": 2, "current": 8, "version": 3},
    }
    assert on_hand() == {("MUG", "main"): 8, ("PEN", "main"): 1}


def test_one_line_whose_stock_has_changed_keeps_all_from_being_carried_out(client, mug):
    StockLevelFactory(product__sku="PEN", on_hand=2)
    pen = {"sku": "PEN", "quantity": 1, "expected_quantity": 2}
    body = meta(adjust(client, SALE, pen, dry_run=True))["apply"]
    adjust(client, {"sku": "PEN", "quantity_delta": 1})
    found = client.post(URL, body, JSON)
    assert errors(found) == [("409", "stale_quantity", "/lines/1/expected_version")]
    assert on_hand() == {("MUG", "main"): 7, ("PEN", "main"): 3}


def test_it_comes_true_once(client, mug):
    """The second time the stock is no longer the one that it saw."""
    body = meta(adjust(client, SALE, SALE, dry_run=True))["apply"]
    assert [line["expected_version"] for line in body["lines"]] == [2, 3]
    assert client.post(URL, body, JSON).status_code == 200
    again = client.post(URL, body, JSON)
    stale = "/lines/{}/expected_version"
    assert errors(again) == [("409", "stale_quantity", stale.format(n)) for n in (0, 1)]
    assert on_hand() == {("MUG", "main"): 1}


def test_a_version_is_enough_for_a_count_and_one_for_another_place_is_none(client, mug):
    north = StockLevelFactory(product=mug.product, location__code="north", on_hand=4)
    client.patch(f"/api/v1/stock-levels/{north.pk}", {"reorder_point": 1}, JSON)
    of_all, of_one = 5, 3  # the sum of both levels, that of north
    counted = {"sku": "MUG", "location": "north", "quantity": 2}
    assert codes(skipping(client, counted | {"expected_version": of_all})) == ["stale_quantity"]
    assert codes(skipping(client, counted | {"expected_version": of_one})) == [None]


def test_a_count_that_needs_no_change_is_still_of_the_version_that_it_names(client, mug):
    unchanged = {"sku": "MUG", "quantity": 7}
    assert codes(skipping(client, unchanged | {"expected_version": 1})) == ["stale_quantity"]
    assert codes(skipping(client, unchanged | {"expected_version": 2})) == [None]


def test_a_place_where_nothing_is_has_version_zero(client, mug):
    LocationFactory(code="attic")
    line = {"sku": "MUG", "location": "attic", "quantity_delta": 1}
    body = meta(skipping(client, line, dry_run=True))["apply"]
    assert body["lines"] == [line | {"expected_version": 0}]
    assert codes(client.post(URL, body, JSON)) == [None]
    assert codes(client.post(URL, body, JSON)) == ["stale_quantity"]


# Beside others


@contextmanager
def a_dry_run_that_has_read(client, monkeypatch):
    """One that stands still in the middle of its decisions for the block."""
    has_read, may_go_on = Signal(), Signal()
    decided = adjusting._decided

    def decided_late(*args):
        found = decided(*args)
        has_read.set()
        may_go_on.wait(10)
        return found

    monkeypatch.setattr(adjusting, "_decided", decided_late)
    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(in_a_thread, adjust, client, SALE, dry_run=True)
        try:
            assert has_read.wait(10)
            monkeypatch.setattr(adjusting, "_decided", decided)
            yield answer
        finally:
            may_go_on.set()


@pytest.mark.concurrency
@pytest.mark.django_db(transaction=True)
def test_nobody_waits_for_it_and_it_waits_for_nobody(client, mug, monkeypatch):
    Location.objects.default()
    with held_by_another(mug):
        assert results(adjust(client, SALE, dry_run=True))[0]["quantity_after"] == 4
    with a_dry_run_that_has_read(client, monkeypatch) as answer:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '100ms'")
        sold = adjust(client, SALE)
    assert (sold.status_code, answer.result().status_code) == (200, 200)
    assert on_hand() == {("MUG", "main"): 4}
