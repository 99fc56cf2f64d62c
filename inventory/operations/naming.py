"""Products and locations as callers name them, found and kept for what is to come."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.bulkhead import lock_queue
from common.errors import NotFound
from inventory.models import Location
from products.models import Product

if TYPE_CHECKING:
    from uuid import UUID


def living_product(product_id: UUID, *, attribute: str = "product_id") -> Product:
    """The product that new stock belongs to, kept, or a refusal that it does not exist."""
    with lock_queue.place(product_id):
        product = Product.objects.kept(product_id)
    if product is None:
        raise NotFound("There is no such product.", attribute=attribute)
    return product


def product_with(product_id: UUID | None, sku: str | None) -> UUID:
    """The id of the living product that a caller names by id or by SKU, or by both alike."""
    if product_id is not None and sku is None:
        return product_id
    found = Product.objects.living().filter(sku=(sku or "").upper()).values_list("pk", flat=True)
    for pk in found:
        if product_id not in (None, pk):
            raise NotFound("There is no product with this id and this SKU.", attribute="sku")
        return pk
    raise NotFound(f"There is no product with the SKU {sku!r}.", attribute="sku")


def location_named(code_or_id: str, *, attribute: str = "location") -> Location:
    """The location with this code or id, kept, or a refusal that it does not exist."""
    with lock_queue.place(code_or_id.lower()):
        location = Location.objects.kept(code_or_id)
    if location is None:
        raise NotFound(f"There is no location {code_or_id!r}.", attribute=attribute)
    return location
