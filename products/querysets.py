"""Chainable reads of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from django.db import models
from django.db.models import Case, Q, When
from django.db.models.expressions import RawSQL

if TYPE_CHECKING:
    from uuid import UUID

    from products.models import Category, Product

MAX_CANDIDATES: Final = 1_000
ABOVE_WORDS: Final = 1_000_000


class ProductQuerySet(models.QuerySet["Product"]):
    def living(self) -> Self:
        """Products that have not been deleted; the others stay for the ledger's sake."""
        return self.filter(deleted_at=None)

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def matching(self, text: str) -> Self:
        """Products whose name, description, SKU or barcode hold every word of the text.

        Words in any order, accents and case ignored, the last word by its beginning. At most
        1 000 candidates, each with its ``rank`` (higher is better).
        """
        return self.filter(
            pk__in=RawSQL(
                "SELECT id FROM products_product"
                " WHERE deleted_at IS NULL AND search @@ products_search_query(%s) LIMIT %s",
                [text, MAX_CANDIDATES],
            )
        ).annotate(rank=_rank(text))

    def found_by(self, text: str) -> Self:
        """Living products by the beginning of a SKU, by a barcode, or by words: ``matching()``.

        At most 1 000 of each. With their ``rank`` (higher is better): codes come before words.
        """
        sku = text.upper()
        living = self.model.objects.living()
        by_code = living.filter(Q(sku__startswith=sku) | Q(barcode=text)).order_by("sku", "pk")
        first = by_code.values("pk")[:MAX_CANDIDATES]
        return self.filter(pk__in=first.union(living.matching(text).values("pk"))).annotate(
            rank=Case(
                When(Q(sku=sku) | Q(barcode=text), then=2 * ABOVE_WORDS),
                When(sku__startswith=sku, then=ABOVE_WORDS),
                default=_rank(text),
            )
        )

    def deleted_found_by(self, text: str) -> Self:
        """Deleted products likewise: they are few, and not indexed."""
        by_code = Q(sku__startswith=text.upper()) | Q(barcode=text)
        return self.exclude(deleted_at=None).filter(by_code | Q(name__icontains=text))


def _rank(text: str) -> RawSQL:
    """How well a product's words match, below a million; a whole number, exact in a cursor."""
    return RawSQL(
        "(ts_rank(search, products_search_query(%s)) * 1e6)::int", [text], models.IntegerField()
    )


class CategoryQuerySet(models.QuerySet["Category"]):
    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def kept(self, category_id: UUID) -> Category | None:
        """The category, safe from deletion until the transaction ends; products may still join.

        A key-share lock, as a foreign key takes it: Django's checks are deferred to the commit,
        where a violation could no longer be refused in words.
        """
        rows = self.raw(
            "SELECT * FROM products_category WHERE id = %s FOR KEY SHARE", [category_id]
        )
        return next(iter(rows), None)
