"""The peer's answers: JSON:API documents with the same members as ours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from sqlalchemy.engine import Row

API = "http://127.0.0.1:8000/api/v1"
VERSION = {"version": "1.1"}


def product(row: Row[Any]) -> bytes:
    """One product, as bytes to be kept and sent."""
    link = {"self": f"{API}/products/{row.id}"}
    return _encoded({"jsonapi": VERSION, "links": link, "data": product_resource(row)})


def products(rows: list[Row[Any]], following: str | None) -> bytes:
    """A page of products; ``following`` is the cursor of the next one."""
    page = {"self": f"{API}/products"}
    if following:
        page["next"] = f"{API}/products?page[after]={following}"
    found = [product_resource(row) for row in rows]
    return _encoded({"jsonapi": VERSION, "links": page, "data": found})


def product_resource(row: Row[Any]) -> dict[str, Any]:
    own = f"{API}/products/{row.id}"
    category = None if row.category_id is None else {"type": "categories", "id": row.category_id}
    return {
        "type": "products",
        "id": row.id,
        "attributes": {
            "sku": row.sku,
            "name": row.name,
            "description": row.description,
            "price": str(row.price),
            "images": row.images,
            "barcode": row.barcode,
            "status": row.status,
            "created_at": row.created_at,
            "updated_at": row.updated_at,
            "version": row.version,
        },
        "relationships": {
            "inventory": {"links": _links(own, "inventory")},
            "category": {"links": _links(own, "category"), "data": category},
        },
        "links": {"self": own},
    }


def inventory(product_id: str, on_hand: int, reserved: int, version: int, updated: Any) -> bytes:
    """The stock of one product after a change."""
    own = f"{API}/inventory/{product_id}"
    resource = {
        "type": "inventory",
        "id": product_id,
        "attributes": {
            "product_id": product_id,
            "quantity": on_hand,
            "reserved": reserved,
            "available": on_hand - reserved,
            "incoming": 0,
            "next_eta": None,
            "last_updated": updated,
            "version": version,
        },
        "relationships": {
            "product": {
                "links": _links(own, "product"),
                "data": {"type": "products", "id": product_id},
            },
            "stock_levels": {"links": _links(own, "stock_levels")},
        },
        "links": {"self": own},
    }
    return _encoded({"jsonapi": VERSION, "links": {"self": own}, "data": resource})


def refusal(status: int, code: str, detail: str, **meta: Any) -> bytes:
    problem = {"status": str(status), "code": code, "title": code, "detail": detail}
    return _encoded({"jsonapi": VERSION, "errors": [problem | ({"meta": meta} if meta else {})]})


def _encoded(document: dict[str, Any]) -> bytes:
    return orjson.dumps(document, default=str, option=orjson.OPT_UTC_Z)  # asyncpg's own UUIDs


def _links(own: str, name: str) -> dict[str, str]:
    return {"self": f"{own}/relationships/{name}", "related": f"{own}/{name}"}
