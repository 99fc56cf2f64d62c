"""What of a search is PostgreSQL's alone: words, and a location in the list of a document."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import models
from django.db.models import Value
from django.db.models.expressions import RawSQL

from catalogue.models import Document
from common.database import estimated

if TYPE_CHECKING:
    from uuid import UUID

    from catalogue.models import DocumentQuerySet

MOST_RANKED: Final = 1_000
"""No more matches than these are all ranked."""
RANKED_OF_MANY: Final = 250
"""So many of the most popular will do where PostgreSQL expects far more to match."""
FAR_MORE: Final = 5


def matching(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    """Those whose name, description, SKU or barcode hold every word of the text.

    Words in any order, accents and case ignored, the last word by its beginning.
    """
    match = RawSQL(
        "catalogue_document.search @@ products_search_query(%s)", [text], models.BooleanField()
    )
    return documents.filter(match)


def best_of(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    """Of documents that match the text, those to show first, each with its ``rank``.

    All of them where 1 000 or fewer match, else that many of the most popular: to rank a million
    would take seconds. ``number_found`` says how many there are; where ``are_left_out`` it is an
    estimate.
    """
    expected = estimated(documents)
    limit = RANKED_OF_MANY if expected > FAR_MORE * MOST_RANKED else MOST_RANKED
    ids = list(documents.order_by("-popularity", "-pk").values_list("pk", flat=True)[: limit + 1])
    are_left_out = len(ids) > limit
    return Document.objects.filter(pk__in=ids[:limit]).annotate(
        rank=RawSQL(
            "(ts_rank(catalogue_document.search, products_search_query(%s)) * 1e6)::int",
            [text],
            models.IntegerField(),
        ),
        number_found=Value(max(expected, len(ids)) if are_left_out else len(ids)),
        are_left_out=Value(are_left_out),
    )


def in_stock_at(documents: DocumentQuerySet, location_id: UUID) -> DocumentQuerySet:
    """Those of which units are available at this location."""
    return documents.filter(in_stock_at__contains=[str(location_id)])
