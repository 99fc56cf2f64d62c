"""What surrounds every request: its id, the headers that no answer may lack, its line in the log.

Outermost, so that answers and errors of the other middlewares are covered too. It is on the path
of every cached read: measure before adding to it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from http import HTTPStatus
from time import perf_counter
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.contrib.admindocs.views import simplify_regex
from django.utils.cache import patch_vary_headers

from common.ids import new_id
from common.observability.context import begin_request, current, end_request
from common.observability.logs import get_logger, milliseconds_since

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

logger = get_logger(__name__)

ACCEPTABLE_ID: Final = re.compile(r"[!-~]{1,128}")
PROBED: Final = frozenset({"/health", "/health/", "/ready", "/ready/"})
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
        self.referrer_policy: str = settings.SECURE_REFERRER_POLICY or "same-origin"

    def __call__(self, request: HttpRequest) -> HttpResponse:
        began = perf_counter()
        request_id = _given_id(request) or str(new_id())
        request.id = request_id  # type: ignore[attr-defined]  # read by error documents
        token = begin_request(request_id)
        try:
            response = self.get_response(request)
            size = _settle_length(request, response)
            self._complete_headers(response, request_id)
            _log(request, response, began, size)
        finally:
            end_request(token)
        return response

    def _complete_headers(self, response: HttpResponseBase, request_id: str) -> None:
        """Add what is missing; a header that a view has chosen stays as it is."""
        headers = response.headers
        headers["X-Request-ID"] = request_id
        if "Vary" not in headers:
            headers["Vary"] = "Accept"
        else:
            patch_vary_headers(response, ["Accept"])
        if CSP not in headers and response.status_code != HTTPStatus.NOT_MODIFIED:
            is_page = headers.get("Content-Type", "").startswith("text/html")
            headers[CSP] = PAGES_OF_OURS if is_page else NOTHING_ALLOWED
        headers.setdefault("X-Content-Type-Options", "nosniff")
        headers.setdefault("Referrer-Policy", self.referrer_policy)


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


def _log(request: HttpRequest, response: HttpResponseBase, began: float, size: int | None) -> None:
    """One line per request. Never the query string: people put secrets there."""
    fields: dict[str, Any] = {
        "method": request.method,
        "route": _route(request),
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
