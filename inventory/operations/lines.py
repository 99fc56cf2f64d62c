"""What a caller wants of several products: lines, each named by id or SKU."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.db.models import Q

from common.errors import NotFound, together
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Wanted:
    """So many units of a product, which a caller names by id or SKU."""

    quantity: int
    product_id: UUID | None = None
    sku: str | None = None
    place: str = "lines"
    """Where in the caller's input it stands, for refusals."""


def summed(lines: Sequence[Wanted]) -> dict[UUID, Wanted]:
    """One line for each product, whatever it was called, in the order of the first mention.

    Refuses with NotFound, naming every line whose product does not exist.
    """
    skus = {line.sku.upper() for line in lines if line.sku}
    ids = {line.product_id for line in lines if line.product_id}
    found = Product.objects.living().filter(Q(pk__in=ids) | Q(sku__in=skus))
    by_id = dict(found.values_list("pk", "sku"))
    by_sku = {sku: pk for pk, sku in by_id.items()}
    total: dict[UUID, int] = defaultdict(int)
    first: dict[UUID, Wanted] = {}
    unknown: list[NotFound] = []
    for line in lines:
        pk = line.product_id if line.product_id in by_id else None
        named = by_sku.get((line.sku or "").upper())
        if line.product_id is None:
            pk = named
        if pk is None or (line.sku and named != pk):
            place = f"{line.place}/{'product_id' if line.product_id else 'sku'}"
            unknown.append(NotFound("There is no such product.", attribute=place))
            continue
        total[pk] += line.quantity
        first.setdefault(pk, line)
    if unknown:
        raise together(unknown)
    return {
        pk: Wanted(total[pk], product_id=pk, sku=by_id[pk], place=line.place)
        for pk, line in first.items()
    }
