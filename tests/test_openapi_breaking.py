"""What breaks a program that uses the API is found in the document, and what does not is let be."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from functools import cache
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from common.api.openapi.breaking import breaking
from tests.openapi import document

PRODUCTS = "/api/v1/products"
PRODUCT = f"{PRODUCTS}/{{id}}"
HOLD = "/api/v1/reservations/{id}/extend"
PATHS = (PRODUCTS, PRODUCT, "/api/v1/inventory", "/api/v1/reservations", HOLD, "/health")
SCHEMAS = ("components", "schemas")


@cache
def small() -> dict[str, Any]:
    """The document with some of its paths: it stands for the whole, and is quicker to judge."""
    paths = {path: document()["paths"][path] for path in PATHS}
    whole, schemas = document()["components"], {}
    wanted = [*names_in({**whole, "schemas": {}}), *names_in(paths)]
    while wanted:
        if (name := wanted.pop()) not in schemas:
            schemas[name] = whole["schemas"][name]
            wanted += names_in(schemas[name])
    return {**document(), "paths": paths, "components": {**whole, "schemas": schemas}}


def names_in(part: Any) -> list[str]:
    return re.findall(r"#/components/schemas/(\w+)", json.dumps(part))


def changed(*path: Any, to: Any = None, less: Any = None, more: Any = None) -> dict[str, Any]:
    """The document, with one part of it set, without a member, or with a further one."""
    new = deepcopy(small())
    *way, name = path
    part: Any = new
    for step in way:
        part = part[step]
    if less is not None and isinstance(part[name], dict):
        part[name] = {key: value for key, value in part[name].items() if key != less}
    elif less is not None:
        part[name] = [value for value in part[name] if value != less]
    elif more is not None:
        part[name] = part[name] | more if isinstance(part[name], dict) else [*part[name], *more]
    else:
        part[name] = to
    return new


def attribute(schema: str, name: str) -> tuple[str, ...]:
    return (*SCHEMAS, schema, "properties", "attributes", "properties", name)


def taken(schema: str, name: str) -> tuple[str, ...]:
    return (*SCHEMAS, schema, "properties", name)


def place_of(path: str, method: str, parameter: str) -> int:
    parameters = small()["paths"][path][method]["parameters"]
    return [one.get("name") for one in parameters].index(parameter)


SKU_FILTER = (
    *("paths", PRODUCTS, "get", "parameters"),
    place_of(PRODUCTS, "get", "filter[status]"),
)
CREATE = ("paths", PRODUCTS, "post")
EXTEND = ("paths", HOLD, "post")
ERROR = (*SCHEMAS, "Error")
BREAKS = [
    (changed("paths", less=PRODUCTS), f"GET {PRODUCTS}: is gone"),
    (changed("paths", PRODUCT, less="delete"), f"DELETE {PRODUCT}: is gone"),
    (changed(*CREATE, "operationId", to="makeProduct"), "is called makeProduct"),
    (changed(*CREATE, "description", to="Needs the scope `root`."), "needs the scope root"),
    (changed("paths", "/health", "get", less="security"), "GET /health: needs a key"),
    # Requests
    (changed(*EXTEND, "requestBody", "required", to=True), f"POST {HOLD}, body: is required"),
    (changed(*SKU_FILTER, "name", to="filter[state]"), "query filter[status]: is not taken"),
    (changed(*SKU_FILTER, "required", to=True), "query filter[status]: is required"),
    (
        changed(*SKU_FILTER, "schema", "enum", less="archived"),
        'query filter[status]: does not take "archived"',
    ),
    (changed(*CREATE, "requestBody", "content", less="application/json"), "no application/json"),
    (
        changed(*taken("ProductInput", "status"), "enum", less="draft"),
        'schema ProductInput.status: does not take "draft"',
    ),
    (
        changed(*SCHEMAS, "ProductInput", "properties", less="barcode"),
        "schema ProductInput.barcode: is not taken",
    ),
    (
        changed(*SCHEMAS, "ProductInput", "required", more=["price", "sku"]),
        "schema ProductInput.sku: is required",
    ),
    (
        changed(*taken("ProductInput", "name"), "maxLength", to=100),
        "schema ProductInput.name: takes only maxLength 100",
    ),
    (
        changed(*taken("ProductInput", "name"), "pattern", to="^[a-z]+$"),
        "schema ProductInput.name: takes only pattern ^[a-z]+$",
    ),
    (
        changed(*taken("ProductInput", "images"), "items", "type", to="object"),
        "schema ProductInput.images[]: does not take string",
    ),
    (
        changed(*taken("ProductInput", "name"), "readOnly", to=True),
        "schema ProductInput.name: cannot be set",
    ),
    (
        changed(*taken("ReservationInput", "expires_in"), "default", to=60),
        "schema ReservationInput.expires_in: is 60 when left out, not 900",
    ),
    (
        changed(*SCHEMAS, "InventoryInput", "allOf", to=[{"required": ["product_id"]}]),
        "schema InventoryInput.product_id: is required",
    ),
    (
        changed(*SCHEMAS, "ProductInput", "not", to={"required": ["sku", "barcode"]}),
        'schema ProductInput: refuses {"required": ["sku", "barcode"]}',
    ),
    # Answers
    (changed(*CREATE, "responses", less="201"), f"POST {PRODUCTS}, 201: is gone"),
    (
        changed(*CREATE, "responses", "201", "headers", less="Location"),
        f"POST {PRODUCTS}, 201, header Location: is gone",
    ),
    (
        changed(*SCHEMAS, "Product", "properties", "attributes", "properties", less="price"),
        "schema Product.attributes.price: is gone",
    ),
    (
        changed(*attribute("Product", "price"), "type", to="number"),
        "schema Product.attributes.price: may be integer, number",
    ),
    (
        changed(*attribute("Product", "sku"), "type", to=["string", "null"]),
        "schema Product.attributes.sku: may be null",
    ),
    (
        changed(*attribute("Product", "status"), "enum", more=["frozen"]),
        'schema Product.attributes.status: may be "frozen"',
    ),
    (
        changed(*attribute("Product", "images"), to={"type": "array"}),
        "schema Product.attributes.images[]: may be array, boolean",
    ),
    (changed(*ERROR, "required", less="code"), "schema Error.code: may be missing"),
    (
        changed(*ERROR, "properties", "code", to={"type": "string"}),
        "schema Error.code: may be other than pattern ^[a-z_]+$",
    ),
]
BREAKS_NOT = [
    changed("paths", more={"/api/v1/returns": small()["paths"][PRODUCTS]}),
    changed(*SCHEMAS, more={"Return": {"type": "object"}}),
    changed(*CREATE, "responses", more={"451": {"description": "No."}}),
    changed(*CREATE, "responses", less="409"),
    changed(*SKU_FILTER[:-1], more=[{"name": "colour", "in": "query", "schema": {}}]),
    changed(*SKU_FILTER, "schema", to={"type": "string"}),
    changed(*taken("ProductInput", "name"), "maxLength", to=1000),
    changed(*taken("ProductInput", "name"), "type", to=["string", "null"]),
    changed(*taken("ProductInput", "status"), "enum", more=["frozen"]),
    changed(*SCHEMAS, "ProductInput", "properties", more={"colour": {"type": "string"}}),
    changed(*SCHEMAS, "ProductInput", "required", less="description"),
    changed(*taken("ProductInput", "price"), "anyOf", to=[{"type": "number"}, {"type": "string"}]),
    changed(*SCHEMAS, "InventoryInput", "allOf", to=[]),
    changed(
        *(*SCHEMAS, "ProductInput", "not"),
        to={"required": ["sku", "code"]},  # no code was taken before
    ),
    changed(*attribute("Product", "status"), "enum", less="draft"),
    changed(*attribute("Product", "price"), "maxLength", to=12),
    changed(
        *(*SCHEMAS, "Product", "properties", "attributes", "properties"),
        more={"colour": {"type": "string"}},
    ),
    changed(
        *(*SCHEMAS, "ProductDocument", "properties", "included", "items", "anyOf"),
        more=[{"$ref": "#/components/schemas/Reservation"}],
    ),
    changed(*ERROR, "required", more=["meta"]),
    changed(*ERROR, "description", to="What went wrong."),
]


@pytest.mark.parametrize(("new", "told"), BREAKS, ids=[told for _, told in BREAKS])
def test_what_breaks_programs_is_told(new, told):
    assert any(told in sentence for sentence in breaking(small(), new))


@pytest.mark.parametrize("new", BREAKS_NOT)
def test_what_breaks_nobody_is_let_be(new):
    assert breaking(small(), new) == []


def test_what_nobody_could_send_is_not_missed():
    ways = [{"required": ["sku"]}, {"required": ["an unknown member"]}]
    old = changed(*SCHEMAS, "InventoryInput", "allOf", to=[{"anyOf": ways}])
    assert breaking(old, changed(*SCHEMAS, "InventoryInput", "allOf", to=ways[:1])) == []


def test_a_schema_by_whose_name_programs_were_generated_is_missed():
    old = changed(*SCHEMAS, more={"Return": {"type": "object"}})
    assert breaking(old, small()) == ["schema Return: is gone"]


def test_it_is_told_once_whatever_refers_to_it():
    new = changed(*ERROR, "required", less="code")
    assert breaking(small(), new) == ["schema Error.code: may be missing"]


def test_a_parameter_that_many_share_is_told_once():
    path = ("components", "parameters", "page.size", "schema", "maximum")
    assert breaking(small(), changed(*path, to=50)) == ["query page[size]: takes only maximum 50"]


# The command


@pytest.fixture
def released(tmp_path):
    """A document with a product's attribute that is not there any more."""
    file = tmp_path / "released.json"
    colour = {"colour": {"type": "string"}}
    path = (*SCHEMAS, "Product", "properties", "attributes", "properties")
    file.write_text(json.dumps(changed(*path, more=colour)))
    return file


COLOUR = "schema Product.attributes.colour: is gone"


def test_equal_code_gives_equal_bytes_and_the_check_passes(tmp_path):
    files = [tmp_path / name for name in ("one.json", "two.json")]
    for file in files:
        call_command("openapi", file, verbosity=0)
    assert files[0].read_bytes() == files[1].read_bytes()
    assert json.loads(files[0].read_bytes()) == document()
    call_command("openapi", files[0], check=True)


@pytest.mark.parametrize("content", [None, "", "{}"])
def test_a_file_that_is_not_what_the_code_says_fails_the_check(tmp_path, content):
    file = tmp_path / "old.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandError, match=r"run manage\.py openapi"):
        call_command("openapi", file, check=True)
    assert file.exists() is (content is not None)


def test_a_breaking_change_fails_unless_it_is_stated(released, tmp_path, capsys):
    stated = tmp_path / "stated.txt"
    with pytest.raises(CommandError, match="1 changes break"):
        call_command("openapi", since=released, stated=stated)
    assert capsys.readouterr().out == f"{COLOUR}\n"
    stated.write_text(f"# Nobody ever set it.\n\n{COLOUR}\n")
    call_command("openapi", since=released, stated=stated)
    assert capsys.readouterr().out == ""


def test_a_statement_of_what_does_not_break_is_refused(released, tmp_path):
    stated = tmp_path / "stated.txt"
    stated.write_text(f"{COLOUR}\nGET /health: is gone\n")
    with pytest.raises(CommandError, match="not so: GET /health: is gone"):
        call_command("openapi", since=released, stated=stated)


@pytest.mark.parametrize("content", [None, "openapi: 3.1.1"])
def test_a_released_document_that_cannot_be_read_is_named(tmp_path, content):
    file = tmp_path / "released.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(CommandError, match=r"released\.json cannot be read"):
        call_command("openapi", since=file)
