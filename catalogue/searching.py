"""What a search of the documents finds, and in which order it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db.models import Value

from catalogue.engines import engine
from catalogue.models import Document
from common.database import estimated

if TYPE_CHECKING:
    from uuid import UUID

    from catalogue.models import DocumentQuerySet

MOST_RANKED: Final = 1_000
"""No more matches than these are all ranked."""
RANKED_OF_MANY: Final = 250
"""So many of the most popular will do where the database expects far more to match."""
FAR_MORE: Final = 5


def matching(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    """Those whose name, description, SKU or barcode hold every word of the text.

    Words in any order, accents and case ignored, the last word by its beginning.
    """
    return engine.matching(documents, text)


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
    return engine.ranked(Document.objects.filter(pk__in=ids[:limit]), text).annotate(
        number_found=Value(max(expected, len(ids)) if are_left_out else len(ids)),
        are_left_out=Value(are_left_out),
    )


def in_stock_at(documents: DocumentQuerySet, location_id: UUID) -> DocumentQuerySet:
    """Those of which units are available at this location."""
    return engine.in_stock_at(documents, location_id)
