"""Which products a search on a list of stock means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Q

from products.models import Product

if TYPE_CHECKING:
    from uuid import UUID

MOST_PRODUCTS: Final = 1_000


def products_called(text: str) -> list[UUID]:
    """Products in the catalogue by the beginning of the SKU or by barcode.

    Asked for first, so that the list can use its own index for them.
    """
    by_code = Q(sku__startswith=text.upper()) | Q(barcode=text)
    products = Product.objects.living().filter(by_code).values_list("pk", flat=True)
    return list(products[:MOST_PRODUCTS])
