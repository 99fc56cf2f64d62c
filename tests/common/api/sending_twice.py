"""Requests with an Idempotency-Key, and what came of them."""

from __future__ import annotations

import json
from typing import Any

from tests.api_client import JSON

PRODUCTS = "/api/v1/products"
MUG: dict[str, Any] = {"name": "Mug", "description": "Red", "price": 4}


def send(client, method, path, body, key="k", content_type=JSON, **headers):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers["Idempotency-Key"] = key
    return client.generic(method, path, content, content_type, headers=headers)


def post(client, body=MUG, key="k", path=PRODUCTS, **more):
    return send(client, "POST", path, body, key, **more)


def code(answer):
    (error,) = answer.json()["errors"]
    return answer.status_code, error["code"]


def is_replay_of(first, again):
    """Byte for byte the same answer, marked as a repetition."""
    same = ("Location", "ETag", "Content-Type")
    return (
        again.get("Idempotent-Replayed") == "true"
        and "Idempotent-Replayed" not in first
        and (again.status_code, again.content) == (first.status_code, first.content)
        and all(again.get(name) == first.get(name) for name in same)
    )
