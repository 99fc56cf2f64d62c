"""GET of a cached product, as a shortcut (docs/adr/0007)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from common import redis
from common.access import quota
from common.api import conditional, links
from common.api.links import PREFIX
from common.api.negotiation import JSONAPI
from common.api.routers import UUID
from common.api.shortcuts import (
    Ready,
    client_with,
    is_plain,
    media_type_for,
    origin_of,
    usual_headers,
)
from common.observability.middleware import Work, began_at
from common.redis import RedisUnavailable
from products import cache
from products.api import representation

if TYPE_CHECKING:
    from django.http import HttpRequest

    from common.access.verification import Client

READ_SCOPE: Final = "products:read"
ROUTE: Final = f"{PREFIX}/products/<pk>"
PATH: Final = re.compile(rf"{PREFIX}/products/({UUID})/?", re.ASCII)


def ready(request: HttpRequest) -> Ready | None:
    """The answer to a request for a product that is in the cache; its line in the log, too."""
    wanted = _wanted(request)
    if wanted is None:
        return None
    began_at(request)
    product_id, media_type = wanted
    client, origin = client_with(request, READ_SCOPE), origin_of(request)
    if client is None or origin is None:
        return None
    entry = _counted_and_read(request, client, product_id)
    if entry is None:
        return None
    cache.HITS.inc()
    request.client_name = client.name  # type: ignore[attr-defined]  # read by the request log
    request.cache_status = "hit"  # type: ignore[attr-defined]  # likewise
    request.route = ROUTE  # type: ignore[attr-defined]  # likewise
    with Work(request) as work:
        return work.done(_answer(request, entry, media_type, origin), ROUTE)


def _answer(request: HttpRequest, entry: cache.Entry, media_type: str, origin: str) -> Ready:
    tag = conditional.etag(entry.version)
    own = [("ETag", tag), *quota.headers(request.quota_verdict).items()]  # type: ignore[attr-defined]
    if conditional.is_not_modified(request.META.get("HTTP_IF_NONE_MATCH"), tag):
        return Ready(304, [*own, *_usual_headers(request, "", 304)], b"")
    body = entry.body.replace(links.ANY_ORIGIN.encode(), origin.encode())
    own.append(("Content-Length", str(len(body))))
    is_head = request.method == "HEAD"
    usual = _usual_headers(request, media_type, 200)
    return Ready(200, [*own, *usual], b"" if is_head else body)


def _usual_headers(request: HttpRequest, media_type: str, status: int) -> list[tuple[str, str]]:
    return usual_headers(media_type, status, request.scheme, representation.CACHE_CONTROL)


def _wanted(request: HttpRequest) -> tuple[str, str] | None:
    """The product's id and the media type to answer with, for a plain GET of one product."""
    if request.method not in {"GET", "HEAD"}:
        return None
    match = PATH.fullmatch(request.path_info)
    if match is None or not is_plain(request) or _speaks_of_a_body(request):
        return None
    media_type = media_type_for(request)
    return None if media_type is None else (match[1], media_type)


def _speaks_of_a_body(request: HttpRequest) -> bool:
    """Whether there may be something to refuse in what the request says of its body."""
    said = request.META.get("CONTENT_TYPE", "").lower()
    length = request.META.get("CONTENT_LENGTH") or "0"
    return length != "0" or JSONAPI in said


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
