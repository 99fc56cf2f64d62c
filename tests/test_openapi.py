"""The OpenAPI document: valid, complete, and true of what requests may carry."""

from __future__ import annotations

import os
import re
from typing import Any
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.urls import URLPattern, get_resolver, reverse
from jsonschema import Draft202012Validator, ValidationError
from openapi_spec_validator import OpenAPIV31SpecValidator

from tests.api_client import JSON, JSON_API
from tests.openapi import document, operations, resolved

API = "/api/v1"
PROBES = {"/health", "/ready"}
EXPORTED = {"application/x-ndjson", "text/csv"}
SOME_ID = str(uuid4())
NOT_PROGRAMS_BUSINESS = {"", "admin", "api", "api/v1", "docs", "metrics", "redoc", "schema"}
"""Addresses for people, for Prometheus (which no proxy lets through), and of the document."""

# The document as a whole


@pytest.mark.slow
def test_the_document_is_valid_openapi_3_1():
    assert document()["openapi"] == "3.1.1"
    OpenAPIV31SpecValidator(document()).validate()


@pytest.mark.slow
def test_it_is_generated_without_a_warning():
    call_command("spectacular", validate=True, fail_on_warn=True, file=os.devnull)


def patterns(resolver=None, prefix=""):
    """Every route outside the admin, with its name in the URLconf."""
    for pattern in (resolver or get_resolver()).url_patterns:
        where = prefix + re.sub(r"\^|/\?\$", "", str(pattern.pattern))
        if isinstance(pattern, URLPattern):
            yield where, pattern
        elif where != "admin/":
            yield from patterns(pattern, where)


def routes():
    """Every address and method that a resource view answers."""
    for _, pattern in patterns():
        if not hasattr(pattern.callback, "actions"):
            continue
        groups = pattern.pattern.regex.groupindex
        names = pattern.callback.cls.relationships if "related_field" in groups else [None]
        for name in names:
            values = {"pk": SOME_ID, "related_field": name}
            address = reverse(pattern.name, kwargs={group: values[group] for group in groups})
            for method in pattern.callback.actions.keys() - {"head"}:
                yield address.replace(SOME_ID, "{id}"), method


def test_every_route_and_method_is_in_the_document_and_nothing_else():
    documented = {(operation.path, operation.method) for operation in operations().values()}
    assert documented == {*routes(), *((path, "get") for path in PROBES)}


def test_no_route_is_of_a_kind_that_the_document_does_not_look_at():
    plain = {where for where, pattern in patterns() if not hasattr(pattern.callback, "actions")}
    assert plain == NOT_PROGRAMS_BUSINESS | {path.removeprefix("/") for path in PROBES}


def test_operations_have_the_names_that_programs_were_generated_with():
    names = {
        "listProducts": ("/products", "get"),
        "createProduct": ("/products", "post"),
        "getProduct": ("/products/{id}", "get"),
        "updateProduct": ("/products/{id}", "patch"),
        "deleteProduct": ("/products/{id}", "delete"),
        "getProductInventory": ("/products/{id}/inventory", "get"),
        "updateProductCategoryRelationship": ("/products/{id}/relationships/category", "patch"),
        "adjustInventory": ("/inventory/{id}", "patch"),
        "listStockMovements": ("/stock-movements", "get"),
        "reverseStockMovement": ("/stock-movements/{id}/reverse", "post"),
    }
    for name, (path, method) in names.items():
        assert operations()[name][:2] == (API + path, method)


def test_both_media_types_are_documented_both_ways_and_html_is_not():
    for operation in operations().values():
        if operation.path in PROBES:
            continue
        answers = [resolved(answer) for answer in operation.described["responses"].values()]
        carriers = [operation.described.get("requestBody", {}), *answers]
        for carrier in carriers:
            labels = {label.partition(";")[0] for label in carrier.get("content", {})}
            assert labels in ({JSON_API, JSON}, EXPORTED, set())


def test_the_key_is_needed_everywhere_but_at_the_probes():
    assert document()["security"] == [{"ApiKeyAuth": []}]
    open_to_all = {one.path for one in operations().values() if "security" in one.described}
    assert open_to_all == PROBES


def test_each_operation_names_the_scope_that_it_needs():
    for name, scope in {
        "getReservation": "inventory:read",
        "createReservation": "reservations:write",
        "confirmReservation": "reservations:write",
        "shipReservation": "inventory:write",
        "getAvailability": "inventory:read",
        "receiveBatch": "inventory:write",
    }.items():
        assert f"Needs the scope `{scope}`." in operations()[name].described["description"]


def test_an_action_says_that_it_may_be_conditional():
    for name in ("receiveBatch", "shipReservation", "reverseTransfer", "updateBatch"):
        described = operations()[name].described
        parameters = {resolved(one)["name"] for one in described["parameters"]}
        assert {"Idempotency-Key", "If-Match"} <= parameters
        assert "412" in described["responses"]
    for name in ("createReservation", "getAvailability"):
        described = operations()[name].described
        assert "If-Match" not in {resolved(one)["name"] for one in described["parameters"]}


def test_an_action_needs_a_body_only_where_it_needs_an_input():
    for name, is_needed in {"replayEvents": True, "receiveBatch": False}.items():
        assert operations()[name].described["requestBody"]["required"] is is_needed


def test_a_hold_that_is_there_already_is_an_answer_too():
    answers = operations()["createReservation"].described["responses"]
    assert answers["200"]["content"] == answers["201"]["content"]
    assert "200" not in operations()["createBatch"].described["responses"]


# Requests


@pytest.mark.parametrize(
    ("schema", "name", "default"),
    [
        ("ReservationInput", "allow_incoming", False),
        ("ReservationInput", "expires_in", 900),
        ("AvailabilityInput", "allow_incoming", True),
        ("ExtendReservation", "expires_in", 900),
    ],
)
def test_what_counts_when_nothing_is_said_is_in_the_schema(schema, name, default):
    described = document()["components"]["schemas"][schema]["properties"][name]
    assert described["default"] is default or described["default"] == default
    assert described["description"]


def test_what_cannot_be_set_is_not_offered():
    schemas = document()["components"]["schemas"]
    assert "status" not in schemas["BatchInput"]["properties"]
    assert schemas["BatchChanges"]["properties"]["reference"]["readOnly"]
    assert "readOnly" not in schemas["BatchChanges"]["properties"]["status"]


def test_every_body_of_a_resource_has_an_example_that_is_valid_by_its_own_schema():
    for operation in operations().values():
        if "requestBody" not in operation.described or "/relationships/" in operation.path:
            continue
        for media in operation.described["requestBody"]["content"].values():
            request_validator(media["schema"]).validate(media["example"])


def request_validator(schema: dict[str, Any]) -> Draft202012Validator:
    return Draft202012Validator({"components": document()["components"]} | schema)


LAPTOP = {"name": "Laptop", "description": "Thin", "price": "1"}


@pytest.mark.parametrize(
    ("operation_id", "body"),
    [
        ("createProduct", {"name": "Laptop", "description": "Thin"}),
        ("createProduct", LAPTOP | {"colour": "red"}),
        ("createProduct", LAPTOP | {"price": "0.00"}),
        ("createProduct", LAPTOP | {"price": "1.999"}),
        ("createProduct", LAPTOP | {"name": " "}),
        ("createProduct", LAPTOP | {"name": "a\x00b"}),
        ("createProduct", LAPTOP | {"name": None}),
        ("createProduct", LAPTOP | {"sku": "ä"}),
        ("createProduct", LAPTOP | {"images": ["ftp://example.com"]}),
        ("createProduct", {"data": {"type": "products", "attributes": {"name": "Laptop"}}}),
        ("createProduct", {"data": {"type": "shoes", "attributes": LAPTOP}}),
        ("createProduct", {"data": {"type": "products", "id": SOME_ID, "attributes": LAPTOP}}),
        ("createInventory", {"quantity": 1}),
        ("createInventory", {"sku": "MUG", "quantity": -1}),
        ("createInventory", {"sku": "MUG", "quantity": "1"}),
        ("createTransfer", {"sku": "MUG", "from_location": "main", "quantity": 1}),
    ],
)
def test_what_the_schema_forbids_is_refused(client, operation_id, body):
    path, _, described = operations()[operation_id]
    media = described["requestBody"]["content"][JSON]
    with pytest.raises(ValidationError):
        request_validator(media["schema"]).validate(body)
    assert client.post(path, body, JSON).status_code in {400, 403, 409, 422}


@pytest.mark.parametrize("name", [name for name in operations() if name.startswith("list")])
def test_every_documented_parameter_is_understood_and_each_of_its_values(client, name):
    path, _, described = operations()[name]
    for parameter in map(resolved, described["parameters"]):
        for value in values_of(parameter["schema"]):
            response = client.get(path, {parameter["name"]: value}, headers={"Accept": "*/*"})
            understood = 400 if parameter["name"] == "min_sequence" else 200  # nothing happened yet
            assert response.status_code == understood, (parameter["name"], value, response.content)


def values_of(schema: dict[str, Any]) -> list[str]:
    """Every value of an enumeration, or one of the type."""
    if schema["type"] == "array":
        return values_of(schema["items"])
    if "enum" in schema:
        return list(schema["enum"])
    samples = {"uuid": SOME_ID, "date-time": "2026-01-31T12:00:00Z", "date": "2026-01-31"}
    by_type = {"integer": "1", "number": "1.5", "boolean": "true", "string": ""}
    if "pattern" in schema:
        return ["MUG"]
    return [samples.get(schema.get("format", ""), by_type[schema["type"]])]
