"""An application that refuses every request without a look at its body."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.api.unread import read_to_the_end

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

LIMIT = 2**21


def careless(_environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    start_response("401 Unauthorized", [("Content-Length", "0")])
    return []


application = read_to_the_end(careless, limit=LIMIT)
