"""GET of a cached product, answered before routing and DRF are entered (docs/adr/0007)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from django.db import Error as DatabaseError

from common import redis
from common.access import quota
from common.access.verification import Client, verify
from common.api.links import PREFIX
from common.api.negotiation import HTML, JSONAPI, acceptable
from common.api.routers import UUID
from common.observability.context import set_actor
from common.redis import RedisUnavailable
from products import cache
from products.api import representation

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

READ_SCOPE: Final = "products:read"
ROUTE: Final = f"{PREFIX}/products/<pk>"
PATH: Final = re.compile(rf"{PREFIX}/products/({UUID})/?", re.ASCII)


class CachedProductMiddleware:
    """Answers the common case only: a good key within its quota, a plain GET, a cached entry.

    Everything else, every refusal included, goes the ordinary way, so that there is one place
    that says no. A request counted here is not counted again there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return _answer(request) or self.get_response(request)


def _answer(request: HttpRequest) -> HttpResponse | None:
    wanted = _wanted(request)
    if wanted is None:
        return None
    product_id, media_type = wanted
    client = _client(request)
    if client is None or not client.allows(READ_SCOPE):
        return None
    entry = _counted_and_read(request, client, product_id)
    if entry is None:
        return None
    set_actor(client.name)
    request.client_name = client.name  # type: ignore[attr-defined]  # read by the request log
    request.cache_status = "hit"  # type: ignore[attr-defined]  # likewise
    request.route = ROUTE  # type: ignore[attr-defined]  # likewise
    response = representation.answer(request, entry, media_type)
    for name, value in quota.headers(request.quota_verdict).items():  # type: ignore[attr-defined]
        response[name] = value
    return response


def _client(request: HttpRequest) -> Client | None:
    try:
        return verify(request.META.get("HTTP_X_API_KEY", ""))
    except DatabaseError:  # the ordinary way asks again, and knows how to say so
        return None


def _wanted(request: HttpRequest) -> tuple[str, str] | None:
    """The product's id and the media type to answer with, for a plain GET of one product."""
    if request.method not in {"GET", "HEAD"} or request.META.get("QUERY_STRING"):
        return None
    match = PATH.fullmatch(request.path_info)
    if match is None or _speaks_of_a_body(request):
        return None
    media_type = acceptable(request.META.get("HTTP_ACCEPT", ""))
    if media_type is None or media_type == HTML:
        return None
    return match[1], media_type


def _speaks_of_a_body(request: HttpRequest) -> bool:
    """Whether there may be something to refuse in what the request says of its body."""
    said = request.META.get("CONTENT_TYPE", "").lower()
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length != "0" or JSONAPI in said or "HTTP_CONTENT_ENCODING" in request.META


def _counted_and_read(request: HttpRequest, client: Client, product_id: str) -> cache.Entry | None:
    """Quota and entry in one round trip; the entry only while the quota lasts."""
    counting = quota.commands(client)
    try:
        answers = redis.pipelined([*counting, *cache.commands(product_id)])
    except RedisUnavailable:
        return None
    verdict = quota.read(client, answers[: len(counting)])
    request.quota_verdict = verdict  # type: ignore[attr-defined]  # read by the throttle
    if verdict is not None and not verdict.allowed:
        return None
    return cache.read(answers[len(counting) :])
