"""What atomic operations lock of the catalogue before the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.api.atomic.mentions import ids, texts
from products import beforehand

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from common.api.atomic.mentions import Mention


def lock_mentioned(mentions: Sequence[Mention]) -> Collection[UUID]:
    """Lock the products and categories that are to be changed, or to get something new."""
    products = {one.id for one in mentions if one.type == "products" and one.id}
    categories = {one.id for one in mentions if one.type == "categories" and one.id}
    getting = [one.inputs for one in mentions if one.action == "create"]
    return beforehand.lock_catalogue(
        product_ids=products | ids(getting, "product_id", "product"),
        skus=texts(getting, "sku"),
        category_ids=categories,
        with_tree=any(one.type == "categories" for one in mentions),
    )
