"""One product's stock over all its locations."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from inventory.models import StockLevel

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import date, datetime
    from uuid import UUID

    from products.models import Product


@dataclass(frozen=True, slots=True)
class Inventory:
    """One product's stock over all its locations, computed from its stock levels.

    Units; ``quantity`` is the total on hand. A product has an inventory once it has a stock level.
    """

    product: Product
    stock_levels: Sequence[StockLevel]

    @property
    def pk(self) -> UUID:
        return self.product.pk

    @property
    def product_id(self) -> UUID:
        return self.product.pk

    @property
    def quantity(self) -> int:
        return sum(level.on_hand for level in self.stock_levels)

    @property
    def reserved(self) -> int:
        return sum(level.reserved for level in self.stock_levels)

    @property
    def available(self) -> int:
        return self.quantity - self.reserved

    @property
    def incoming(self) -> int:
        return sum(level.incoming for level in self.stock_levels)

    @property
    def next_eta(self) -> date | None:
        """When the first of what is incoming is expected."""
        etas = (level.next_eta for level in self.stock_levels if level.next_eta)
        return min(etas, default=None)

    @property
    def last_updated(self) -> datetime:
        return max(level.updated_at for level in self.stock_levels)

    @property
    def version(self) -> int:
        """Rises with every change of any level."""
        return sum(level.version for level in self.stock_levels)


def inventories_of(products: Collection[Product]) -> dict[UUID, Inventory]:
    """The inventory of each of these products that has one, in one query."""
    by_id = {product.pk: product for product in products}
    levels: dict[UUID, list[StockLevel]] = {}
    for level in StockLevel.objects.for_products(by_id).order_by("pk"):
        level.product = by_id[level.product_id]
        levels.setdefault(level.product_id, []).append(level)
    return {pk: Inventory(by_id[pk], found) for pk, found in levels.items()}
