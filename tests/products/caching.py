"""What tells a cached answer from another, and waiting for Redis."""

from __future__ import annotations

import threading
from typing import Any

from common import redis

PRODUCTS = "/api/v1/products"
OF_EACH_REQUEST = {"X-Request-ID", "RateLimit"}


def is_hit(answer: Any) -> bool:
    return getattr(answer.wsgi_request, "cache_status", None) == "hit"


def name_in(answer: Any) -> Any:
    assert answer.status_code == 200, answer.content
    return answer.json()["data"]["attributes"]["name"]


def headers_of(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.items() if name not in OF_EACH_REQUEST}


def wait_for_recovery() -> None:
    for thread in threading.enumerate():
        if thread.name == redis.RECOVERY_THREAD:
            thread.join(timeout=10)
