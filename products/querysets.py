"""Chainable reads of the catalogue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self

from django.db import models
from django.db.models import Case, Q, Value, When

from products import searching

if TYPE_CHECKING:
    from uuid import UUID

    from products.models import Category, Product

ABOVE_WORDS: Final = 1_000_000


class ProductQuerySet(models.QuerySet["Product"]):
    def living(self) -> Self:
        """Products that have not been deleted; the others stay for the ledger's sake."""
        return self.filter(deleted_at=None)

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order."""
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)

    def kept(self, product_id: UUID) -> Product | None:
        """The living product, safe from change and deletion until the transaction ends.

        A share lock: others may keep it too, and its stock is no part of it.
        """
        rows = self.raw(
            "SELECT * FROM products_product WHERE id = %s AND deleted_at IS NULL FOR SHARE",
            [product_id],
        )
        return next(iter(rows), None)

    def matching(self, text: str) -> Self:
        """Products whose name, description, SKU or barcode hold every word of the text.

        Words in any order, accents and case ignored, the last word by its beginning. Each has its
        ``rank`` (higher is better) and how many there are: ``number_found``. Where too many match
        to rank them all, ``are_left_out`` is true and the number an estimate; see ``searching``.

        What the products are to be filtered by comes first: it chooses what is ranked, too.
        """
        found = searching.find(self, text)
        return self.filter(pk__in=found.rows).annotate(
            rank=searching.rank(text),
            number_found=Value(found.number),
            are_left_out=Value(found.are_left_out),
        )

    def found_by(self, text: str) -> Self:
        """Living products by the beginning of a SKU, by a barcode, or by words: ``matching()``.

        At most 1 000 by code; ``are_left_out`` where too many match by words. With their ``rank``
        (higher is better): codes come before words.
        """
        sku = text.upper()
        living = self.model.objects.living()
        by_sku = living.filter(sku__startswith=sku).order_by("sku", "pk").values("pk")
        by_barcode = living.filter(barcode=text).values("pk")
        found = searching.find(living, text)
        ranked = living.filter(pk__in=found.rows).values("pk")
        first = by_sku[: searching.MOST_RANKED]
        return self.filter(pk__in=first.union(by_barcode, ranked)).annotate(
            rank=Case(
                When(Q(sku=sku) | Q(barcode=text), then=2 * ABOVE_WORDS),
                When(sku__startswith=sku, then=ABOVE_WORDS),
                default=searching.rank(text),
            ),
            are_left_out=Value(found.are_left_out),
        )

    def deleted_found_by(self, text: str) -> Self:
        """Deleted products likewise: they are few, and not indexed."""
        by_code = Q(sku__startswith=text.upper()) | Q(barcode=text)
        found = self.exclude(deleted_at=None).filter(by_code | Q(name__icontains=text))
        return found.annotate(are_left_out=Value(value=False))


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
