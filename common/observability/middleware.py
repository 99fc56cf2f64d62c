"""What surrounds every request: its id, the headers that no answer may lack, its line in the log,
what Prometheus counts of it.

Outermost, so that answers and errors of the other middlewares are covered too. It is on the path
of every cached read: measure before adding to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, ClassVar, Final, Protocol, Self, TypeVar

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.utils.cache import patch_vary_headers

from common.ids import new_id
from common.observability import requests, tracing, tracing_requests
from common.observability.context import begin_request, current, end_request
from common.observability.logs import get_logger, milliseconds_since

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

logger = get_logger(__name__)

ACCEPTABLE_ID: Final = re.compile(r"[!-~]{1,128}")
PROBED: Final = frozenset({"/health", "/health/", "/ready", "/ready/", "/metrics", "/metrics/"})
WITHOUT_LENGTH: Final = frozenset({HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED})

CSP: Final = "Content-Security-Policy"
NOTHING_ALLOWED: Final = "default-src 'none'; frame-ancestors 'none'"
# The admin's Alpine evaluates expressions, Swagger UI and ReDoc start inline, ReDoc searches in
# a worker made from a blob. Pictures of products may come from anywhere.
PAGES_OF_OURS: Final = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: https:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)


class RequestMiddleware:
    """Gives the request its id, completes the answer's headers, writes one line about both.

    Layers further in may leave on the request what only they know: ``client_name`` (who sent it),
    ``cache_status`` (``hit`` or ``miss``) and, if they answer before the address is resolved,
    ``route``.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = began_at(request)
        request_id = id_of(request)
        token = begin_request(request_id)
        is_counted = requests.begin(request)
        try:
            response = self.get_response(request)
            size = _settle_length(request, response)
            response.headers["X-Request-ID"] = request_id
            complete_headers(response)
            route = _route(request)
            if is_counted:
                requests.end(request, response, route, began)
                is_counted = False
            _log(request, response, route, began, size)
        finally:
            if is_counted:
                requests.give_up()
            end_request(token)
        return response


class Finished(Protocol):
    """An answer whose headers are complete but for the request's id."""

    status_code: int
    headers: list[tuple[str, str]]
    content: bytes
    streaming: ClassVar[bool]


F = TypeVar("F", bound=Finished)


class Work:
    """Surrounds an answer that is given sooner, as the middleware does those of Django.

    Without ``done`` the request goes the ordinary way after all, under the same id; its time
    counts from here on.
    """

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self._began = began_at(request)

    def __enter__(self) -> Self:
        self._token = begin_request(id_of(self._request))
        self._is_counted = requests.begin(self._request)
        return self

    def done(self, response: F, route: str) -> F:
        """The answer with the request's id; it is counted, and its line is written."""
        response.headers.append(("X-Request-ID", id_of(self._request)))
        answer: Any = response
        requests.end(self._request, answer, route, self._began)
        self._is_counted = False
        _log(self._request, answer, route, self._began, len(response.content))
        return response

    def __exit__(self, *_failure: object) -> None:
        if self._is_counted:
            requests.give_up()
        end_request(self._token)


def complete_headers(response: HttpResponseBase) -> None:
    """Add what is missing; a header that a view has chosen stays as it is."""
    headers = response.headers
    if "Vary" not in headers:
        headers["Vary"] = "Accept"
    else:
        patch_vary_headers(response, ["Accept"])
    if CSP not in headers and response.status_code != HTTPStatus.NOT_MODIFIED:
        is_page = headers.get("Content-Type", "").startswith("text/html")
        headers[CSP] = PAGES_OF_OURS if is_page else NOTHING_ALLOWED
    headers.setdefault("X-Content-Type-Options", "nosniff")
    headers.setdefault("Referrer-Policy", settings.SECURE_REFERRER_POLICY or "same-origin")


def began_at(request: HttpRequest) -> float:
    """By ``perf_counter``, when this was asked first."""
    began: float | None = getattr(request, "began", None)
    if began is None:
        began = request.began = perf_counter()  # type: ignore[attr-defined]  # for the next layer
    return began


def id_of(request: HttpRequest) -> str:
    """The client's own, or a new one; the same when it is asked again."""
    known: str | None = getattr(request, "id", None)
    if known is None:
        known = request.id = _given_id(request) or str(new_id())  # type: ignore[attr-defined]  # read by error documents
    return known


def _given_id(request: HttpRequest) -> str | None:
    """The client's own id for the request, if it is one to repeat in headers and logs."""
    given: str | None = request.META.get("HTTP_X_REQUEST_ID")
    return given if given and ACCEPTABLE_ID.fullmatch(given) else None


def _settle_length(request: HttpRequest, response: Any) -> int | None:
    """State how long the body is, or gunicorn sends it in chunks; HEAD gets the length alone.

    Returns the number of bytes that are sent, if that is known.
    """
    if response.streaming:
        return None
    size = len(response.content)
    if response.status_code not in WITHOUT_LENGTH:
        response.headers.setdefault("Content-Length", str(size))
    if request.method == "HEAD":
        response.content = b""
        return 0
    return size


def _log(
    request: HttpRequest,
    response: HttpResponseBase,
    route: str | None,
    began: float,
    size: int | None,
) -> None:
    """One line per request. Never the query string: people put secrets there."""
    fields: dict[str, Any] = {
        "method": request.method,
        "route": route,
        "path": request.path,
        "status": response.status_code,
        "duration_ms": milliseconds_since(began),
    }
    if client := getattr(request, "client_name", None) or current().actor:
        fields["client"] = client
    if cache := getattr(request, "cache_status", None):
        fields["cache"] = cache
    if size is not None:
        fields["bytes"] = size
    if tracing.is_on():
        tracing_requests.tell(current().request_id, fields)
    _level(request, response)("request", **fields)


def _level(request: HttpRequest, response: HttpResponseBase) -> Callable[..., Any]:
    """A client's mistake is no failure of ours; probes come too often to be of interest."""
    if request.path_info in PROBED:
        return logger.debug
    if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return logger.error
    return logger.info


def _route(request: HttpRequest) -> str | None:
    """The pattern that the address matched, so that requests can be counted by it."""
    if match := request.resolver_match:
        return readable_route(match.route)
    return getattr(request, "route", None)


@lru_cache(maxsize=1024)
def readable_route(pattern: str) -> str:
    """Django's joined patterns as one address without a slash at its end."""
    return str(simplify_regex(pattern)).rstrip("/") or "/"
