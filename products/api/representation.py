"""The default representation of a product, as bytes for every host."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.http import HttpResponse

from common.api import conditional, links, resources
from common.api.encoding import encoded
from common.redis import RedisUnavailable
from products import cache
from products.api.serializers import ProductSerializer
from products.cache import Entry
from products.models import Product

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest


CACHE_CONTROL: Final = "private, no-cache"


def rendered(product: Product) -> Entry:
    """The document of GET /products/{id}, the origin in its links left open."""
    resource = resources.Builder(links.ANY_ORIGIN).resource(ProductSerializer, product)
    document = {"links": {"self": resource["links"]["self"]}, "data": resource}
    return Entry(product.version, encoded(document))


def entry_for(product_id: UUID | str) -> tuple[Entry | None, str]:
    """The entry from the cache or from the row, and which of them (``hit`` or ``miss``).

    None for a product that does not exist. On a miss one thread reads and keeps the entry, and
    the others of this process find it.
    """
    try:
        with cache.one_at_a_time(product_id):
            if entry := cache.get(product_id):
                cache.HITS.inc()
                return entry, "hit"
            cache.MISSES.inc()
            lease = cache.take_lease(product_id)
            entry = _entry_of_row(product_id)
            if entry and lease:
                cache.keep(product_id, lease, entry)
            return entry, "miss"
    except RedisUnavailable:  # nobody could find what another one has filled
        cache.UNAVAILABLE.inc()
        return _entry_of_row(product_id), "miss"


def _entry_of_row(product_id: UUID | str) -> Entry | None:
    rows = Product.objects.living().defer("search", "name_order")
    product = rows.filter(pk=product_id).first()
    return rendered(product) if product else None


def answer(request: HttpRequest, entry: Entry, media_type: str) -> HttpResponse:
    """The entry as an answer: 304 without a body when the client holds this version."""
    tag = conditional.etag(entry.version)
    if conditional.is_not_modified(request.META.get("HTTP_IF_NONE_MATCH"), tag):
        response = HttpResponse(status=304)
        del response["Content-Type"]
    else:
        origin = links.origin(request).encode()
        body = entry.body.replace(links.ANY_ORIGIN.encode(), origin)
        response = HttpResponse(body, content_type=media_type)
    response["ETag"] = tag
    response["Cache-Control"] = CACHE_CONTROL
    return response
