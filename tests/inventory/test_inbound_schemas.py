"""What may be said in a message, and what the page about messages says of it."""

from __future__ import annotations

import json
import re

import pytest
from jsonschema import Draft202012Validator

from common.inbox.handling import Outcome
from common.inbox.kinds import kinds
from common.inbox.reading import ENVELOPE, read
from inventory.inbound import KINDS, SCHEMAS
from tests.inventory.inbound import ORDER, PLACED, tell
from tests.running import PROJECT

PAGE = PROJECT / "docs" / "messages.md"
ANNOUNCED = {"reference": "PO-1", "sku": "MUG", "quantity": 40, "eta": "2026-12-01"}
FEWER = {"reference": "PO-1"}


def test_every_type_is_handled_and_has_a_schema():
    assert KINDS.items() <= kinds.items()
    assert {file.stem for file in SCHEMAS.iterdir()} == set(KINDS)


@pytest.mark.parametrize("name", sorted(KINDS))
def test_the_schema_of_a_type_is_one(name):
    schema = json.loads(KINDS[name].schema.read_text())
    Draft202012Validator.check_schema(schema)
    assert (schema["title"], schema["$id"]) == (name, f"urn:stockroom:commands:v1:{name}")


LINE = {"sku": "MUG", "quantity": 1}


@pytest.mark.parametrize(
    ("kind", "data", "where"),
    [
        ("order.placed", ORDER, "$:"),
        ("order.placed", {**PLACED, "order_reference": 7}, "$.order_reference"),
        ("order.placed", {**PLACED, "order_reference": "  "}, "$.order_reference"),
        ("order.placed", {**PLACED, "order_reference": "x" * 256}, "$.order_reference"),
        ("order.placed", {**PLACED, "order_reference": "a\0b"}, "$.order_reference"),
        ("order.placed", {**PLACED, "order_reference": "a\n"}, "$.order_reference"),
        ("order.placed", {**ORDER, "lines": []}, "$.lines"),
        ("order.placed", {**ORDER, "lines": [LINE] * 201}, "$.lines"),
        ("order.placed", {**ORDER, "lines": [{"quantity": 1}]}, "$.lines[0]"),
        ("order.placed", {**ORDER, "lines": [LINE | {"quantity": 0}]}, "$.lines[0].quantity"),
        ("order.placed", {**ORDER, "lines": [LINE | {"quantity": 1.0}]}, "$.lines[0].quantity"),
        ("order.placed", {**ORDER, "lines": [LINE | {"quantity": 1e3}]}, "$.lines[0].quantity"),
        ("order.placed", {**ORDER, "lines": [LINE | {"quantity": "1"}]}, "$.lines[0].quantity"),
        ("order.placed", {**ORDER, "lines": [LINE | {"quantity": True}]}, "$.lines[0].quantity"),
        ("order.placed", {**ORDER, "lines": [LINE | {"quantity": 10**9 + 1}]}, "$.lines[0]"),
        ("order.placed", {**ORDER, "lines": [LINE | {"product_id": "7"}]}, "$.lines[0].product_id"),
        ("order.placed", {**PLACED, "expires_in": 604_801}, "$.expires_in"),
        ("order.placed", {**PLACED, "allow_incoming": "yes"}, "$.allow_incoming"),
        ("order.cancelled", {}, "$:"),
        ("payment.succeeded", {"order_reference": None}, "$.order_reference"),
        ("payment.failed", {"order": "ORDER-1"}, "$:"),
        ("shipment.sent", {**ORDER, "lines": []}, "$.lines"),
        ("batch.announced", {**ANNOUNCED, "eta": "2026-02-30"}, "$.eta"),
        ("batch.announced", {**ANNOUNCED, "eta": "20261201"}, "$.eta"),
        ("batch.announced", {**ANNOUNCED, "eta": None}, "$.eta"),
        ("batch.announced", {"reference": "PO-1", "quantity": 1, "eta": "2026-12-01"}, "$:"),
        ("batch.quantity_changed", {**FEWER, "quantity": 0}, "$.quantity"),
        ("batch.quantity_changed", {**FEWER, "quantity": -1}, "$.quantity"),
    ],
    ids=lambda one: one if isinstance(one, str) else "",
)
def test_what_the_schema_does_not_allow_is_refused(kind, data, where):
    verdict = tell(kind, data)
    assert (verdict.outcome, verdict.code) == (Outcome.REFUSED, "invalid")
    assert verdict.reason.startswith(where)


def test_the_example_on_the_page_is_understood():
    (example,) = re.findall(r"```json\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert read(example.encode()).subject == "ORDER-1042"


def test_the_page_leads_to_every_schema_and_names_what_it_requires():
    text = PAGE.read_text()
    for name, kind in KINDS.items():
        row = next(line for line in text.splitlines() if line.startswith(f"| [`{name}`]("))
        assert f"(../{kind.schema.relative_to(PROJECT)})" in row
        schema = json.loads(kind.schema.read_text())
        for required in schema["required"]:
            assert f"`{required}`" in row
    assert f"(../{ENVELOPE.relative_to(PROJECT)})" in text
