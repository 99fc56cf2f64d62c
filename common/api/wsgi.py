"""Django's door to WSGI, hardened against ``Content-Type``."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final, Protocol

from django.core.handlers.wsgi import WSGIHandler, WSGIRequest
from django.db import close_old_connections
from django.utils.http import parse_header_parameters

if TYPE_CHECKING:
    from collections.abc import Callable

    from _typeshed.wsgi import StartResponse, WSGIEnvironment

REQUEST: Final = "stockroom.request"
FETCHING: Final = frozenset({"GET", "HEAD"})
STATUS_LINES: Final = {one.value: f"{one.value} {one.phrase}" for one in HTTPStatus}


class Utf8Request(WSGIRequest):
    """Addresses and forms are UTF-8, whatever charset the client writes beside its media type.

    Django would decode them as the client says, and fail on names such as ``hex`` that are codecs
    and no charsets; and it would fail on parameters that cannot be read, before anything else is
    there to answer. Such a media type counts as none.
    """

    def _set_content_type_params(self, meta: dict[str, Any]) -> None:
        try:
            self.content_type, self.content_params = parse_header_parameters(
                meta.get("CONTENT_TYPE", "")
            )
        except ValueError:
            self.content_type, self.content_params = "", {}


class Ready(Protocol):
    """An answer that needs no middleware any more."""

    status_code: int
    headers: list[tuple[str, str]]
    content: bytes


class Handler(WSGIHandler):
    """Asks a shortcut first: for Django to begin and to end a request takes longer than to answer
    one whose answer is there.
    """

    def __init__(
        self, shortcut: Callable[[WSGIRequest], Ready | None] = lambda _request: None
    ) -> None:
        super().__init__()
        self._shortcut = shortcut

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Any:
        request = Utf8Request(environ)
        if request.method not in FETCHING:
            close_old_connections()  # as Django does when a request begins
        ready = self._shortcut(request)
        if ready is None:
            environ[REQUEST] = request
            return super().__call__(environ, start_response)
        start_response(STATUS_LINES[ready.status_code], ready.headers)
        return [ready.content]

    def request_class(self, environ: WSGIEnvironment) -> WSGIRequest:  # type: ignore[override]
        """The one that the shortcut was asked about, with what it knows by now."""
        return environ.pop(REQUEST)
