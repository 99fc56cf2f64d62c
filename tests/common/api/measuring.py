"""What an application behind gunicorn learns about the body that was sent to it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.api.chunked import buffered_chunked_bodies

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LIMIT = 1000


def _measured(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    stated = environ.get("CONTENT_LENGTH", "none")
    read = environ["wsgi.input"].read(int(stated)) if stated.isdigit() else b""
    answer = f"stated {stated}, read {len(read)}".encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]


application = buffered_chunked_bodies(_measured, limit=LIMIT)
