"""What the OpenAPI document says of atomic operations is true."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from tests.api_client import JSON, ApiClient
from tests.common.api.atomic import (
    ATOMIC,
    OPERATIONS,
    add,
    carry_out,
    refusal,
    remove,
    results,
    update,
)
from tests.factories import CategoryFactory, ProductFactory, StockLevelFactory
from tests.openapi import assert_matches_schema, document, operations

pytestmark = pytest.mark.django_db

PROJECT = Path(__file__).parents[3]
NAME = "carryOutOperations"
ID = "01900000-0000-7000-8000-000000000000"
MUG = {"name": "Mug", "description": "Red", "price": "4.00", "sku": "MUG"}


def body():
    return operations()[NAME].described["requestBody"]["content"][ATOMIC]


def fits(sent) -> bool:
    schema = {"components": document()["components"]} | body()["schema"]
    return Draft202012Validator(schema).is_valid(sent)


@pytest.mark.parametrize("label", [ATOMIC, JSON])
def test_the_example_can_be_sent_as_it_is(client, label):
    example = body()["example"]
    assert fits(example)
    answer = client.post(OPERATIONS, json.dumps(example), label)
    assert_matches_schema(answer, NAME)
    assert len(results(answer)) == 2


def test_the_example_of_the_page_for_people_can_be_sent_too(client):
    """Its last operation is about a reservation of somebody else."""
    page = (PROJECT / "docs" / "api.md").read_text()
    _, _, section = page.partition("## Several operations at once")
    label, example = re.findall(r"Content-Type: (.*)\n\n(\{.*?\n\]\})", section, re.DOTALL)[0]
    document = json.loads(example)
    answer = client.post(OPERATIONS, json.dumps(document), label)
    assert refusal(answer)[::2] == (404, "/atomic:operations/2")
    del document["atomic:operations"][2]
    assert len(results(client.post(OPERATIONS, json.dumps(document), label))) == 2


@pytest.mark.parametrize(
    "sent",
    [
        {},
        {"atomic:operations": []},
        {"atomic:operations": [{}]},
        {"atomic:operations": [{"op": "replace"}]},
        {"atomic:operations": [{"op": "remove", "ref": {"id": "x"}}]},
        {"atomic:operations": [{"op": "remove", "ref": {"type": "x", "id": ID, "lid": "x"}}]},
        {"atomic:operations": [{"op": "remove", "ref": {"type": "x"}}]},
        {"atomic:operations": [{"op": "remove", "ref": {"type": "x", "id": ID}, "href": "/x"}]},
        {"atomic:operations": [{"op": "remove", "data": {"type": "x", "id": ID}}]},
        {"atomic:operations": [{"op": "add", "data": {}}]},
        {"atomic:operations": [{"op": "add", "data": 7}]},
        {"atomic:operations": [add("categories", {"name": "x"})] * 1_001},
    ],
)
def test_what_the_schema_forbids_is_refused(client, sent):
    assert not fits(sent)
    answer = client.post(OPERATIONS, json.dumps(sent), ATOMIC)
    assert answer.status_code == 400
    assert_matches_schema(answer, NAME)


def test_every_kind_of_answer_is_described(client, api_client):
    level, gone = StockLevelFactory(on_hand=1), CategoryFactory()
    linked = {"type": "categories", "id": str(gone.pk)}
    ref = {"type": "products", "id": str(level.product_id), "relationship": "category"}
    sale = update("inventory", level.product_id, {"quantity_delta": -2})
    taken = add("products", MUG | {"sku": ProductFactory().sku})
    busy = api_client("inventory:write", quota=2)
    for status, answer in {
        200: carry_out(client, {"op": "update", "ref": ref, "data": linked}),
        204: carry_out(client, remove("categories", CategoryFactory().pk)),
        401: carry_out(ApiClient("unknown"), sale),
        403: carry_out(api_client("products:read"), sale),
        404: carry_out(client, remove("products", gone.pk)),
        406: carry_out(client, sale, Accept="text/html"),
        409: carry_out(client, taken),
        413: carry_out(busy, sale, sale, sale),
        415: carry_out(client, sale, content_type="text/plain"),
        422: carry_out(client, sale),
        428: carry_out(client, update("inventory", level.product_id, {"quantity": 7})),
        429: carry_out(busy, sale, sale),
    }.items():
        assert answer.status_code == status
        assert_matches_schema(answer, NAME)
