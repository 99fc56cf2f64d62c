"""Bodies sent in chunks, whose length nobody knows beforehand (``Transfer-Encoding: chunked``).

gunicorn decodes the chunks, but Django reads no more than ``Content-Length`` says and takes such
a request for one without a body. So a chunked body is read first, and then has a length.
"""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from _typeshed.wsgi import InputStream, StartResponse, WSGIApplication, WSGIEnvironment


def buffered_chunked_bodies(application: WSGIApplication, limit: int = 2**20) -> WSGIApplication:
    """The application, with a Content-Length for every body.

    At most limit + 1 bytes are read into memory: with that length the application refuses the
    body as too large, and gunicorn drops what was not read together with the connection.
    Chunks that break the protocol end in gunicorn's own 400. Those that come too late are late
    when the application reads them, so that it can say so.
    """

    def with_length(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if _is_chunked(environ):
            body = _read(environ["wsgi.input"], limit + 1)
            environ["wsgi.input"] = body
            environ["CONTENT_LENGTH"] = str(len(body.getbuffer()))
            del environ["HTTP_TRANSFER_ENCODING"]  # true of the message, not of what is left of it
        return application(environ, start_response)

    return with_length


class _LateBody(BytesIO):
    """Stands for a body of which no more is known than that it did not come in time."""

    def read(self, _size: int | None = -1, /) -> bytes:
        raise TimeoutError


def _read(stream: InputStream, size: int) -> BytesIO:
    try:
        return BytesIO(stream.read(size))
    except TimeoutError:
        return _LateBody(b"?")


def _is_chunked(environ: WSGIEnvironment) -> bool:
    """Whether there are chunks, and a server that ends the input where the last of them ends."""
    codings = environ.get("HTTP_TRANSFER_ENCODING", "").lower()
    return codings.endswith("chunked") and bool(environ.get("wsgi.input_terminated"))
