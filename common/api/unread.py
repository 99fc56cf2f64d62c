"""Bodies that nobody reads, because the request was refused before (401, 404, 413, 429).

They have to be taken in all the same: when a server closes a connection on which something is
still unread, the kernel resets it, and the answer may be lost on its way. The client then sees a
broken connection, or a 502 of the proxy, in place of the reason.
"""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment

PIECE = 2**16


def read_to_the_end(application: WSGIApplication, limit: int = 2**21) -> WSGIApplication:
    """The application, which may leave any body alone: the rest of it is read and dropped.

    At most limit bytes; who sends more than that may lose the answer. This costs a request
    without a body nothing.
    """

    def taking_in(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        body = environ["wsgi.input"] if _has_body(environ) else None  # it may be replaced below
        answer = application(environ, start_response)
        if body is not None:
            with suppress(Exception):  # the client is gone or breaks the protocol: gunicorn's care
                _drop(body, limit)
        return answer

    return taking_in


def _has_body(environ: WSGIEnvironment) -> bool:
    """Whether there is one, and a server that ends the input where the body ends."""
    announced = environ.get("CONTENT_LENGTH", "") not in {"", "0"}
    chunked = "HTTP_TRANSFER_ENCODING" in environ
    return (announced or chunked) and environ.get("wsgi.input_terminated", False)


def _drop(body: InputStream, limit: int) -> None:
    left = limit
    while left > 0 and (piece := body.read(min(left, PIECE))):
        left -= len(piece)
