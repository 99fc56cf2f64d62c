"""Requests of the plainest form, answered before Django and DRF are entered (docs/adr/0007, 0027).

A shortcut answers the common case only: a good key within its quota, nothing unusual asked for.
Everything else goes the ordinary way, which says what is wrong, so that there is one place that
says no. What a shortcut has done already (counted the request, read its body, been refused by an
operation) it leaves on the request, and it is not done again there.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

from corsheaders.middleware import CorsMiddleware
from django.conf import settings
from django.core.exceptions import DisallowedHost
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse
from django.middleware.clickjacking import XFrameOptionsMiddleware
from django.middleware.security import SecurityMiddleware
from django.utils.module_loading import import_string

from common.access.verification import Client, verify
from common.api import links
from common.api.negotiation import HTML, acceptable
from common.observability import middleware
from common.observability.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable

logger = get_logger(__name__)


@dataclass(slots=True)
class Ready:
    """An answer that needs nothing more."""

    status_code: int
    headers: list[tuple[str, str]]
    content: bytes
    streaming: ClassVar[bool] = False


class ShortcutMiddleware:
    """Asks the shortcuts, unless the web server's door (``config.wsgi``) has done so already."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        found = None if hasattr(request, "was_offered") else offered(request)
        if found is None:
            return self.get_response(request)
        response = HttpResponse(found.content, status=found.status_code, headers=found.headers)
        if "Content-Type" not in dict(found.headers):
            del response["Content-Type"]
        return response


def offered(request: HttpRequest) -> Ready | None:
    """The answer of the first of settings.API_SHORTCUTS that has one.

    A bug in one of them is logged; the ordinary way may do without.
    """
    request.was_offered = True  # type: ignore[attr-defined]  # read by the middleware
    try:
        return next(filter(None, (shortcut(request) for shortcut in _shortcuts())), None)
    except Exception:
        logger.exception("shortcut_failed", request_id=middleware.id_of(request), path=request.path)
        return None


@cache
def _shortcuts() -> list[Callable[[HttpRequest], Ready | None]]:
    return [import_string(name) for name in settings.API_SHORTCUTS]


def raise_decided(request: Any, kind: type[Exception] = Exception) -> None:
    """On the ordinary way, in place of an operation: why the shortcut's did nothing, if it did."""
    decided: Exception | None = getattr(request._request, "decided", None)  # noqa: SLF001  Django's
    if isinstance(decided, kind):
        raise decided


# What shortcuts ask of a request


def client_with(request: HttpRequest, scope: str) -> Client | None:
    """The program that sent it, if its key is good and may do this."""
    try:
        client = verify(request.META.get("HTTP_X_API_KEY", ""))
    except DatabaseError as error:
        request.unverified = error  # type: ignore[attr-defined]  # raised on the ordinary way
        return None
    return client if client is not None and client.allows(scope) else None


def origin_of(request: HttpRequest) -> str | None:
    try:
        return links.origin(request)
    except DisallowedHost:  # the ordinary way says so
        return None


def media_type_for(request: HttpRequest) -> str | None:
    """The media type to answer with, where it is one for programs."""
    media_type = acceptable(request.META.get("HTTP_ACCEPT", ""))
    return None if media_type == HTML else media_type


def is_plain(request: HttpRequest) -> bool:
    """No query, and nothing that a middleware has to say to it alone: of its origin, or HTTPS."""
    meta = request.META
    if meta.get("QUERY_STRING") or "HTTP_ORIGIN" in meta or "HTTP_CONTENT_ENCODING" in meta:
        return False
    return not settings.SECURE_SSL_REDIRECT or request.is_secure()


# The answer


@lru_cache(maxsize=32)
def usual_headers(
    media_type: str, status: int, scheme: str, cache_control: str
) -> list[tuple[str, str]]:
    """What the middlewares add to such an answer. They are asked once: it is always the same."""
    request = HttpRequest()
    request.path = request.path_info = f"{links.PREFIX}/"
    request.META = {"SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    request.META |= {"HTTP_X_FORWARDED_PROTO": scheme}
    response = HttpResponse(status=status, content_type=media_type)
    response["Cache-Control"] = cache_control
    for add in (XFrameOptionsMiddleware, SecurityMiddleware, CorsMiddleware):
        add(lambda _request: response)(request)
    middleware.complete_headers(response)
    if not media_type:
        del response["Content-Type"]
    return list(response.items())
