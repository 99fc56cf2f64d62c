"""What surrounds every request of the peer: its id, its metrics, and one JSON line in the log."""

from __future__ import annotations

import os
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import orjson
from uuid_utils import uuid7

from tests.bench.peer import metrics

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    Message = MutableMapping[str, Any]
    Receive = Callable[[], Awaitable[Message]]
    Send = Callable[[Message], Awaitable[None]]


class Surroundings:
    """A plain ASGI middleware: Starlette's own kind costs several times as much."""

    def __init__(self, app: Callable[..., Awaitable[None]], *, is_metered: bool) -> None:
        self.app = app
        self.is_metered = is_metered

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        began = time.perf_counter()
        given = next((value for name, value in scope["headers"] if name == b"x-request-id"), None)
        request_id = given or str(uuid7()).encode()
        scope["state"] = {"request_id": request_id.decode("latin-1")}
        status = 0

        async def send_completed(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] += [
                    (b"x-request-id", request_id),
                    (b"vary", b"Accept"),
                    (b"x-content-type-options", b"nosniff"),
                    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
                    (b"referrer-policy", b"same-origin"),
                ]
            await send(message)

        is_counted = self.is_metered and scope["path"] != metrics.ADDRESS
        if is_counted:
            metrics.begin()
        try:
            await self.app(scope, receive, send_completed)
        finally:
            if is_counted:
                metrics.end(scope, status, began)
            _log(scope, status, began)


def _log(scope: Message, status: int, began: float) -> None:
    line = {
        "method": scope["method"],
        "path": scope["path"],
        "status": status,
        "duration_ms": round((time.perf_counter() - began) * 1_000, 3),
        "request_id": scope["state"]["request_id"],
        "timestamp": datetime.now(UTC),
        "level": "info",
        "event": "request",
    }
    os.write(1, orjson.dumps(line) + b"\n")
