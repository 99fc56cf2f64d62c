"""Products as messages tell of them: with the values, and from the cache, of the API over HTTP."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

from common.api import links, resources
from common.api.pagination import counted, rows_between
from common.errors import Invalid
from common.redis import RedisUnavailable
from products import cache
from products.api import representation
from products.api.serializers import ProductSerializer
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Mapping
    from uuid import UUID

DEFAULT_SIZE: Final = 10
MOST: Final = 100
LAST_PAGE: Final = 10**7

Values = dict[str, Any]


def product(product_id: UUID) -> tuple[Values | None, str]:
    """A product's values, and whether they were in the cache (``hit`` or ``miss``).

    None for one that does not exist.
    """
    with suppress(RedisUnavailable):
        if entry := cache.get(product_id):
            cache.HITS.inc()
            return _values(json.loads(entry.body)["data"]), "hit"
    found, status = representation.entry_for(product_id)
    return (_values(json.loads(found.body)["data"]) if found else None), status


def page(number: int, size: int) -> tuple[list[Values], int]:
    """The values of one page, in the order in which the products were made, and how many there
    are; past 10 000 that is an estimate.

    Refuses with Invalid.
    """
    if not 1 <= number <= LAST_PAGE:
        raise Invalid(f"Pages go from 1 to {LAST_PAGE}.", attribute="page")
    if not 1 <= size <= MOST:
        raise Invalid(f"A page has 1 to {MOST} products.", attribute="size")
    start = (number - 1) * size
    rows = Product.objects.living().defer("search", "name_order")
    found = rows_between(rows, ["pk"], start, start + size + 1)
    total, _is_exact = counted(rows, start, found, size)
    builder = resources.Builder(links.ANY_ORIGIN)
    return [_values(builder.resource(ProductSerializer, one)) for one in found[:size]], total


def _values(resource: Mapping[str, Any]) -> Values:
    """A resource as one flat set of values, by the names that the messages have."""
    category = resource["relationships"]["category"]["data"]
    category_id = category["id"] if category else None
    return {"id": resource["id"], "category_id": category_id, **resource["attributes"]}
