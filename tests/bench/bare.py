"""The floor: an application that does nothing, in a process that is otherwise the same as ours.

What gunicorn and our worker cost to receive a request, and to send as many bytes as a product has.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from config.wsgi import application as application_of_ours

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

BODY = b" " * int(os.environ.get("BARE_BYTES", "1000"))
HEADERS = [("Content-Type", "application/vnd.api+json"), ("Content-Length", str(len(BODY)))]


def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
    if environ["PATH_INFO"] == "/health":  # how whoever starts it sees that it is there
        return application_of_ours(environ, start_response)
    start_response("200 OK", HEADERS)
    return [BODY]
