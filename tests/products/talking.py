"""Requests about products, and what came of them."""

from __future__ import annotations

from tests.api_client import JSON

PRODUCTS = "/api/v1/products"
MUG = {"name": "Mug", "description": "Red", "price": "4.00"}


def document(attributes=None, product=None, **members):
    data = {"type": "products", "attributes": attributes or {}, **members}
    return {"data": data | ({"id": str(product.pk)} if product else {})}


def create(client, **attributes):
    return client.post(PRODUCTS, MUG | attributes, JSON)


def shown(answer):
    assert answer.status_code < 300, answer.content
    return answer.json()["data"]["attributes"]


def refused(answer):
    """Status, code and place of the only error."""
    (error,) = answer.json()["errors"]
    return answer.status_code, error["code"], error.get("source", {}).get("pointer")


def listed(client, query, by="sku"):
    answer = client.get(f"{PRODUCTS}?{query}")
    assert answer.status_code == 200, answer.content
    return [one["attributes"][by] for one in answer.json()["data"]]
