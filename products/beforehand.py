"""Locking what several operations on the catalogue are about, before the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import connection
from django.db.models import Q

from common.bulkhead import lock_queue
from common.database import in_transaction
from products.models import Category, Product
from products.operations import TREE_LOCK

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID


@in_transaction
def lock_catalogue(
    *,
    product_ids: Collection[UUID],
    skus: Collection[str],
    category_ids: Collection[UUID],
    with_tree: bool,
) -> set[UUID]:
    """Lock these living products and categories, as far as they exist; returns their ids.

    ``with_tree``: the shape of the category tree too.

    Locks: the tree, the categories, the products (docs/locking.md).
    """
    if with_tree:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [TREE_LOCK])
    categories = Category.objects.filter(pk__in=category_ids)
    named = Q(pk__in=product_ids) | Q(sku__in={sku.upper() for sku in skus})
    locked: set[UUID] = set()
    if category_ids:
        with lock_queue.place(*category_ids):
            locked.update(categories.locked().values_list("pk", flat=True))
    if product_ids or skus:
        with lock_queue.place(*product_ids):
            products = Product.objects.living().filter(named)
            locked.update(products.locked().values_list("pk", flat=True))
    return locked
