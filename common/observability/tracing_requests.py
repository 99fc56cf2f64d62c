"""The span of a request: around everything, from its first line to its last byte.

Off: the application is left as it is.
"""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from common.observability import tracing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from contextlib import AbstractContextManager

    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
PROBED: Final = frozenset({"/health", "/ready", "/metrics"})
"""Asked all day long by machines that look after us: they belong to nobody's work."""
FIELDS: Final = {
    "route": "http.route",
    "path": "url.path",
    "status": "http.response.status_code",
    "bytes": "http.response.body.size",
    "client": "stockroom.client",
    "cache": "stockroom.cache",
}
"""What the request's line in the log tells too, by its names there. There is no query string."""


def traced(application: WSGIApplication) -> WSGIApplication:
    """The application, with a span around each request once this process traces."""
    if not settings.TRACES:
        return application

    def answer(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if not tracing.is_on() or environ.get("PATH_INFO", "").rstrip("/") in PROBED:
            return application(environ, start_response)
        return _answer(application, environ, start_response)

    return answer


def _answer(
    application: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    span = _opened(environ)
    span.__enter__()
    try:
        answer = application(environ, start_response)
    except BaseException as error:
        span.__exit__(type(error), error, error.__traceback__)
        raise
    if getattr(answer, "streaming", True):
        return _Answer(answer, span)
    span.__exit__(None, None, None)
    return answer


def _opened(environ: WSGIEnvironment) -> AbstractContextManager[tracing.Span]:
    method = _method(environ["REQUEST_METHOD"])
    headers = {
        "traceparent": environ.get("HTTP_TRACEPARENT"),
        "tracestate": environ.get("HTTP_TRACESTATE"),
    }
    about = {"http.request.method": method, "url.scheme": environ.get("wsgi.url_scheme")}
    return tracing.entered(headers, method, "server", about)


def _method(given: str) -> str:
    """One that we know: anything may stand there, and spans are counted by it."""
    return given if given in METHODS else "_OTHER"


def tell(request_id: str, line: Mapping[str, Any]) -> None:
    """Let the request's span say what its line in the log says, and its id, to find one by the
    other."""
    if not tracing.is_recording():
        return
    span = tracing.current()
    span.rename(f"{_method(line['method'])} {line['route'] or 'unknown'}")
    span.note({FIELDS[name]: value for name, value in line.items() if name in FIELDS})
    span.note({"stockroom.request_id": request_id})
    if line["status"] >= HTTPStatus.INTERNAL_SERVER_ERROR:
        span.fail(str(line["status"]))


class _Answer:
    """An answer that is made while it is sent: its span ends when the server closes it."""

    def __init__(self, answer: Iterable[bytes], span: AbstractContextManager[tracing.Span]) -> None:
        self._answer = answer
        self._span = span

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._answer)

    def close(self) -> None:
        close: Callable[[], None] | None = getattr(self._answer, "close", None)
        try:
            if close:
                close()
        finally:
            self._span.__exit__(None, None, None)
