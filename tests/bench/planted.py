"""A peer with a bug that the bench must find: ``--peer tests.bench.planted:forgetful``."""

from __future__ import annotations

from typing import Any

from tests.bench.peer.app import application

BODY = b"{}"


async def forgetful(scope: Any, receive: Any, send: Any) -> None:
    """Answers every change as if it had been made, and makes none."""
    if scope["type"] != "http" or scope["method"] != "PATCH":
        await application(scope, receive, send)
        return
    headers = [(b"content-length", b"%d" % len(BODY))]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": BODY})
