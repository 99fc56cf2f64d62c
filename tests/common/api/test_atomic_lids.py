"""Local ids: an operation speaks of what an earlier one adds."""

from __future__ import annotations

import pytest

from products.models import Category, Product
from tests.common.api.atomic import add, carry_out, refusal, results
from tests.factories import StockLevelFactory

pytestmark = pytest.mark.django_db

MUG = {"name": "Mug", "description": "Red", "price": "4.00"}
LINK = {"type": "categories", "lid": "mugs"}


def test_a_local_id_stands_for_what_an_earlier_operation_adds(client):
    tree = add("categories", {"name": "Kitchen"}, lid="kitchen")
    below = add(
        "categories", {"name": "Mugs"}, lid="mugs", parent={"type": "categories", "lid": "kitchen"}
    )
    rename = {
        "op": "update",
        "data": {"type": "categories", "lid": "mugs", "attributes": {"name": "Cups"}},
    }
    ref = {"type": "products", "lid": "mugs"}
    mug = add("products", MUG, lid="mugs")  # local ids are of a type
    linked = {"op": "update", "ref": ref | {"relationship": "category"}, "data": LINK}
    kitchen, mugs, cups, made, linkage, gone = results(
        carry_out(client, tree, below, rename, mug, linked, {"op": "remove", "ref": ref})
    )
    assert mugs["data"]["relationships"]["parent"]["data"]["id"] == kitchen["data"]["id"]
    assert (cups["data"]["id"], cups["data"]["attributes"]["name"]) == (mugs["data"]["id"], "Cups")
    assert linkage == {"data": {"type": "categories", "id": mugs["data"]["id"]}}
    assert gone == {}
    assert not Product.objects.living().filter(pk=made["data"]["id"]).exists()


def test_a_local_id_is_given_once(client):
    mugs = add("categories", {"name": "Mugs"}, lid="mugs")
    assert refusal(carry_out(client, mugs, mugs)) == (
        400,
        "malformed",
        "/atomic:operations/1/data/lid",
    )


@pytest.mark.parametrize(
    ("kind", "line", "more"),
    [
        ("availability", {"quantity": 1}, {}),
        ("adjustments", {"quantity_delta": -1}, {}),
        ("adjustments", {"quantity_delta": -1}, {"dry_run": True}),
    ],
)
def test_what_adds_no_resource_gives_no_local_id(client, kind, line, more):
    level = StockLevelFactory(product__sku="MUG", on_hand=5)
    href = {"availability": "/availability", "adjustments": "/inventory/adjustments"}[kind]
    asked = add(kind, {"lines": [{"sku": "MUG"} | line], **more}, lid="a") | {"href": href}
    assert len(results(carry_out(client, asked))) == 1
    mug = add("products", MUG, category={"type": kind, "lid": "a"})
    status, code, pointer = refusal(carry_out(client, asked, mug))
    assert (status, code) == (400, "malformed")
    assert pointer == "/atomic:operations/1/data/relationships/category/data/lid"
    level.refresh_from_db()
    assert level.on_hand == (5 if more or kind == "availability" else 4)


def test_a_pointer_leads_to_what_was_sent_though_a_local_id_was_meant(client):
    mugs = add("categories", {"name": "Mugs"}, lid="mugs")
    gone = {"op": "remove", "ref": LINK}
    mug = add("products", MUG, category=LINK)
    answer = carry_out(client, mugs, gone, mug)
    status, _, pointer = refusal(answer)
    assert status == 404
    assert pointer == "/atomic:operations/2/data/relationships/category"
    assert not Category.objects.exists()
