"""A small application that tells which process and which thread of it has answered."""

from __future__ import annotations

import os
from threading import get_ident
from typing import TYPE_CHECKING

from config.web_worker import WebWorker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment


taken_up: list[object] = []
"""The callers that were given to a thread."""


class WatchedWorker(WebWorker):
    """Waits for the next request for so long that a busy machine makes no difference."""

    next_request = 1.0

    def handle(self, conn):
        taken_up.append(conn)
        return super().handle(conn)


class HastyWatchedWorker(WatchedWorker):
    """Hands every caller over, however soon it asks again."""

    def _asks_again(self, conn):
        return False


def application(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    answer = f"{os.getpid()} {get_ident()} {len(taken_up)}".encode()
    start_response("200 OK", [("Content-Length", str(len(answer)))])
    return [answer]
