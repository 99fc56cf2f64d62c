"""Exports: the rows of a list, all of them, however many."""

from __future__ import annotations

import json
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from tests.exporting import (
    CSV,
    EXPORTS,
    NDJSON,
    PRODUCTS,
    as_csv,
    assert_refused,
    exported,
    small_pieces,  # noqa: F401 - a fixture
    text,
)
from tests.factories import LocationFactory, ProductFactory, StockLevelFactory
from tests.openapi import operations, resolved, validator

pytestmark = pytest.mark.django_db

KINDS = {"products": "Products", "stock-levels": "StockLevels", "stock-movements": "StockMovements"}


@pytest.fixture
def stock():
    """Levels and movements of three products, some with everything that a row can have."""
    rich = ProductFactory(
        name='A "mug", \u2028 blue', images=["https://example.com/a,b.jpg"], barcode="4006381333931"
    )
    plain = ProductFactory(description="Two\nlines", price="0.10")
    levels = [
        StockLevelFactory(product=rich, on_hand=5, reorder_point=3),
        StockLevelFactory(product=plain, location=LocationFactory(code="shop"), on_hand=2),
        StockLevelFactory(product__name="=1+1", on_hand=1),
    ]
    deleted = StockLevelFactory(on_hand=1)
    deleted.product.__class__.objects.filter(pk=deleted.product.pk).update(
        deleted_at="2026-11-01T00:00:00Z"
    )
    return levels


def listed(client, kind):
    """Resources as the list has them, by id; without what an export has not."""
    data = client.get(f"/api/v1/{kind}", {"page[size]": 100}).json()["data"]
    return {one["id"]: one for one in data}


# The rows


@pytest.mark.usefixtures("stock")
def test_attributes_are_those_of_the_list_to_the_letter(client):
    for kind in KINDS:
        resources, rows = listed(client, kind), exported(client, kind)
        assert len(rows) == len(resources) >= 3
        assert [row["id"] for row in rows] == sorted(resources)
        for row in rows:
            attributes = resources[row["id"]]["attributes"]
            assert {name: row[name] for name in attributes} == attributes


@pytest.mark.usefixtures("stock")
def test_csv_has_the_same_values(client):
    for kind in KINDS:
        for row, cells in zip(exported(client, kind), as_csv(client, kind), strict=True):
            assert list(cells) == list(row)
            for name, value in row.items():
                assert cells[name] == written(value), name


def written(value):
    if isinstance(value, list):
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return "" if value is None else str(value)


def test_csv_is_as_rfc_4180_says_and_exact(client):
    product = ProductFactory(name='=1+"1"', description="Two\nlines, really")
    response = client.get(PRODUCTS, headers={"Accept": CSV})
    assert response["Content-Type"] == "text/csv; charset=utf-8; header=present"
    head, rest = text(response).split("\r\n", 1)
    assert head.startswith("id,sku,name,description,price,images,")
    start = f'{product.pk},{product.sku},"=1+""1""","Two\nlines, really",19.99,[],,active,'
    assert rest.startswith(start)
    assert rest.endswith("\r\n")


def test_rows_name_what_they_belong_to(client, stock):
    level = stock[1]
    ids = {
        "product_id": str(level.product.pk),
        "sku": level.product.sku,
        "location_id": str(level.location.pk),
        "location": "shop",
    }
    (row,) = exported(client, "stock-levels", **{"filter[location]": "shop"})
    assert {name: row[name] for name in ids} == ids
    (movement,) = exported(client, "stock-movements", **{"filter[location]": "shop"})
    assert movement.items() >= {**ids, "stock_level_id": str(level.pk)}.items()


def test_no_reader_of_lines_is_misled(client, stock):
    body = text(client.get(PRODUCTS))
    assert len(body.splitlines()) == len(stock)  # it ends lines at U+2028, too
    assert "\u2028" in exported(client, "products")[0]["name"]


@pytest.mark.usefixtures("stock", "small_pieces")
def test_filters_are_those_of_the_list(client):
    for kind, parameters in (
        ("products", {"filter[sku][in]": "A,B"}),
        ("products", {"filter[price][gt]": "10"}),
        ("products", {"filter[search]": "blue"}),
        ("products", {"filter[status]": "draft"}),
        ("stock-levels", {"filter[location]": "shop"}),
        ("stock-levels", {"filter[on_hand][gte]": "2", "filter[low]": "false"}),
        ("stock-movements", {"filter[reason]": "sale"}),
        ("stock-movements", {"filter[created_at][gte]": "2026-01-01T00:00:00Z"}),
    ):
        there = client.get(f"/api/v1/{kind}", parameters | {"page[size]": "100"}).json()["data"]
        rows = exported(client, kind, **parameters)
        assert {row["id"] for row in rows} == {one["id"] for one in there}, parameters


@pytest.mark.usefixtures("stock")
def test_fields_choose_columns_and_the_id_is_always_there(client):
    for row in exported(client, "products", **{"fields[products]": "price,sku"}):
        assert list(row) == ["id", "sku", "price"]
    by_time = {"fields[stock-movements]": "", "filter[created_at][gte]": "2026-01-01T00:00:00Z"}
    for row in exported(client, "stock-movements", **by_time):
        assert list(row) == ["id"]


def test_nothing_is_an_empty_answer_or_a_line_of_names(client):
    assert exported(client, "products") == []
    response = client.get(PRODUCTS, headers={"Accept": CSV})
    assert text(response).count("\r\n") == 1


# Piece by piece


@pytest.mark.usefixtures("small_pieces")
def test_every_row_comes_once_however_pieces_fall(client):
    ids = []
    for _ in range(6):
        ids.append(str(ProductFactory().pk))
        assert [row["id"] for row in exported(client, "products")] == ids
        assert [row["id"] for row in as_csv(client, "products")] == ids


@pytest.mark.usefixtures("stock", "small_pieces")
def test_a_piece_is_one_query(client):
    for kind in KINDS:
        exported(client, kind)
        with CaptureQueriesContext(connection) as sent:
            exported(client, kind)
        assert len(sent) == (3 if kind == "stock-movements" else 2), kind  # of two rows each


@pytest.mark.usefixtures("small_pieces")
def test_what_is_written_meanwhile_disturbs_nothing(client):
    first, second, third, fourth = [ProductFactory() for _ in range(4)]
    read = str(second.pk)
    response = client.get(PRODUCTS)
    body = next(response.streaming_content)
    second.delete()
    third.delete()
    late = ProductFactory()
    body += b"".join(response.streaming_content)
    ids = [json.loads(line)["id"] for line in body.splitlines()]
    assert ids == [str(first.pk), read, str(fourth.pk), str(late.pk)]


def test_a_span_of_time_is_walked_by_time(client):
    """Its start may be millions of rows from the first."""
    for asked, first, order in (
        ({}, "id", "1 ASC LIMIT"),
        ({"filter[created_at][gte]": "2026-01-01T00:00:00Z"}, "created_at", "1 ASC, 2 ASC LIMIT"),
    ):
        with CaptureQueriesContext(connection) as sent:
            exported(client, "stock-movements", **asked)
        query = sent[-1]["sql"]
        assert query.startswith(f'SELECT "inventory_stockmovement"."{first}" AS')
        assert f" ORDER BY {order}" in query


# Going on


@pytest.mark.usefixtures("stock", "small_pieces")
@pytest.mark.parametrize("form", [exported, as_csv])
def test_from_every_row_on_comes_exactly_the_rest(client, form):
    since = {"filter[created_at][gte]": "2026-01-01T00:00:00Z"}
    for kind, asked in (*((kind, {}) for kind in KINDS), ("stock-movements", since)):
        rows = form(client, kind, **asked)
        for number, row in enumerate(rows, start=1):
            assert form(client, kind, **asked, **{"page[after]": row["id"]}) == rows[number:]
        assert form(client, kind, **asked, **{"page[after]": ""}) == rows


def test_going_on_from_a_row_that_is_gone_skips_nothing(client):
    first, second, third = [ProductFactory() for _ in range(3)]
    gone = str(second.pk)
    second.delete()
    rows = exported(client, "products", **{"page[after]": gone})
    assert [row["id"] for row in rows] == [str(third.pk)]
    assert str(first.pk) in {row["id"] for row in exported(client, "products")}


@pytest.mark.parametrize("after", ["1", "x", "{0}", "0" * 36, "\uff10", "2026-01-01"])
def test_a_place_that_is_none_is_refused(client, after):
    assert_refused(client.get(PRODUCTS, {"page[after]": after}), 400, "page[after]")


def test_a_place_in_time_is_that_of_a_row(client):
    asked = {"page[after]": str(uuid4()), "filter[created_at][gte]": "2026-01-01T00:00:00Z"}
    assert_refused(client.get(f"{EXPORTS}/stock-movements", asked), 400, "page[after]")


# The document


@pytest.mark.usefixtures("stock")
@pytest.mark.parametrize("kind", KINDS)
def test_rows_are_as_the_document_says(client, kind):
    described = operations()[f"export{KINDS[kind]}"].described
    content = described["responses"]["200"]["content"]
    assert set(content) == {NDJSON, CSV}
    schema = content[NDJSON]["schema"]
    whole = validator({"$ref": schema["$ref"]}, is_whole=True)
    for row in exported(client, kind):
        whole.validate(row)
        assert list(row) == list(resolved({"$ref": schema["$ref"]})["properties"])


@pytest.mark.parametrize("kind", KINDS)
def test_every_documented_parameter_is_understood(client, kind):
    samples = {"integer": "1", "number": "1", "boolean": "true", "string": "MUG"}
    formats = {"uuid": str(uuid4()), "date-time": "2026-01-31T12:00:00Z"}
    described = operations()[f"export{KINDS[kind]}"].described
    for parameter in map(resolved, described["parameters"]):
        schema, name = parameter["schema"], parameter["name"]
        if name == "page[after]":
            values = ["", str(uuid4())]
        elif schema["type"] == "array":
            values = [",".join(schema["items"]["enum"])]
        else:
            sample = formats.get(schema.get("format"), samples[schema["type"]])
            values = schema.get("enum", [sample])
        for value in values:
            exported(client, kind, **{name: value})
