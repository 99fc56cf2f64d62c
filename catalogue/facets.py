"""How many of the documents found are of which kind: exact for few, estimated from a sample."""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from collections.abc import Callable, Sequence
from decimal import Decimal
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from catalogue.models import DICE, Document, Shelf
from common.database import estimated

if TYPE_CHECKING:
    from collections.abc import Collection

    from catalogue.models import DocumentQuerySet

Line = tuple[UUID | None, Decimal, int, int]
"""Of a document: category, price, units available, units incoming."""

EXACT_UP_TO: Final = 10_000
SAMPLE: Final = 2_000
"""Documents in the order of their dice: a share of a tenth is estimated within a fiftieth."""
WALKED: Final = 100_000
"""Documents that may be looked at for a sample: where few are found, it is a smaller one."""
MOST_CATEGORIES: Final = 50
KINDS: Final = ("in_stock", "incoming", "out_of_stock")
BOUNDS: Final = [Decimal(bound) for bound in (0, 10, 25, 50, 100, 250, 500, 1_000)]
"""Of the ranges of prices, each without its upper end."""


def facets_of(
    documents: DocumentQuerySet, names: Collection[str], *, are_few: bool = False
) -> dict[str, Any]:
    """The wanted facets of these documents, and whether their counts are estimates.

    Exact for up to 10 000 documents. Of more, 2 000 taken at random stand for all: the cost does
    not grow with them. ``are_few``: somebody has counted them, and there are no more than that,
    whatever PostgreSQL expects.
    """
    lines, scale = _counted(documents, are_few=are_few)
    counts = {name: FACETS[name](lines, scale) for name in FACETS if name in names}
    return counts | {"is_estimate": scale != 1}


def _counted(documents: DocumentQuerySet, *, are_few: bool) -> tuple[list[Line], float]:
    """What is counted, and how many documents each line stands for."""
    expected = estimated(documents)
    if are_few or expected < 2 * EXACT_UP_TO:
        found = list(_lines(documents)[: EXACT_UP_TO + 1])
        if len(found) <= EXACT_UP_TO:
            return found, 1
    return _sampled(documents, expected)


def _sampled(documents: DocumentQuerySet, expected: int) -> tuple[list[Line], float]:
    """The same of many: in the order of their dice, and no further than a share of all documents.

    If that share ends before the sample is full, PostgreSQL expected too many: then what it holds
    tells how many there are, and if it was all, that is exact.
    """
    share = min(1.0, WALKED / max(1, estimated(Document.objects.shown())))
    within = documents if share == 1 else documents.filter(dice__lt=int(share * (DICE + 1)))
    sample = list(_lines(within).order_by("dice")[:SAMPLE])
    if len(sample) < SAMPLE:
        return sample, 1 / share
    return sample, max(expected, EXACT_UP_TO) / SAMPLE


def _lines(documents: DocumentQuerySet) -> Any:
    return documents.order_by().values_list("category_id", "price", "available", "incoming")


def _categories(lines: Sequence[Line], scale: float) -> list[dict[str, Any]]:
    """The largest first; documents without a category are in none."""
    counts = Counter(category_id for category_id, *_ in lines if category_id)
    largest = counts.most_common(MOST_CATEGORIES)
    names = dict(Shelf.objects.filter(pk__in=[pk for pk, _ in largest]).values_list("pk", "name"))
    return [
        {"id": str(pk), "name": names.get(pk, ""), "count": round(count * scale)}
        for pk, count in largest
    ]


def _prices(lines: Sequence[Line], scale: float) -> list[dict[str, Any]]:
    counts = Counter(bisect(BOUNDS, price) - 1 for _, price, *_ in lines)
    return [
        {
            "gte": f"{low:.2f}",
            "lt": None if high is None else f"{high:.2f}",
            "count": round(counts[n] * scale),
        }
        for n, (low, high) in enumerate(zip_longest(BOUNDS, BOUNDS[1:]))
    ]


def _availability(lines: Sequence[Line], scale: float) -> dict[str, int]:
    """``incoming``: none available, and some on their way."""
    counts = Counter(_kind(available, incoming) for _, _, available, incoming in lines)
    return {name: round(counts[name] * scale) for name in KINDS}


def _kind(available: int, incoming: int) -> str:
    if available > 0:
        return "in_stock"
    return "incoming" if incoming else "out_of_stock"


FACETS: Final[dict[str, Callable[[Sequence[Line], float], Any]]] = {
    "category": _categories,
    "price": _prices,
    "availability": _availability,
}
