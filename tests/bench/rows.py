"""Rows of the demo that have as much to show in a large database as in a small one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from common.api import pagination
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

TYPICAL: Final = (2, 5)
"""How many stock levels and movements the product has whose pages and filters are measured."""
NO_HIT: Final = "xylophonist"

COMMON_WORDS: Final = """
SELECT word FROM (
    SELECT unnest(most_common_elems::text::text[]) AS word, unnest(most_common_elem_freqs) AS share
    FROM pg_stats WHERE tablename = 'products_product' AND attname = 'search'
) AS common
WHERE word ~ '^[a-z]{4,}$' ORDER BY share DESC LIMIT 2
"""


def typical_product() -> Product:
    """One near the middle that has as much to show as its counterparts in other sizes."""
    first = middle(Product.objects.living(), ("pk",))
    later = Product.objects.living().filter(pk__gte=first.pk, status="active").exclude(barcode=None)
    return next(
        product
        for product in later.order_by("pk")[:1_000]
        if (product.stock_levels.count(), product.movements.count()) == TYPICAL
    )


def middle(rows: QuerySet[Any], order: Sequence[str]) -> Any:
    """The row in the middle of the order, found in the index."""
    ids = rows.order_by(*order).values_list("pk", flat=True)
    return rows.model._default_manager.get(pk=ids[rows.count() // 2])


def cursor(rows: Any, order: Sequence[str]) -> str:
    """The cursor that a client has half-way through the rows."""
    stable = pagination.stable(order)
    return pagination._cursor(middle(rows.all(), stable), stable)


def price(living: QuerySet[Product], share: float) -> Any:
    """The price below which this share of the products lies."""
    prices = living.order_by("price", "pk").values_list("price", flat=True)
    return prices[int((living.count() - 1) * share)]


def common_words() -> Sequence[str]:
    with connection.cursor() as cursor:
        cursor.execute(COMMON_WORDS)
        first, second = (word for (word,) in cursor.fetchall())
    return first, second
