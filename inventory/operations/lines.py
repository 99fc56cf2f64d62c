"""What a caller wants of several products: lines, each named by id or SKU."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from common.database import preparing_cursor
from common.errors import NotFound, together

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID


NAMED: Final = """
SELECT id, sku FROM products_product
WHERE deleted_at IS NULL AND (id = ANY(%s::uuid[]) OR sku = ANY(%s::text[]))
"""
"""In plain SQL: every order asks this, and the ORM takes longer to write it."""
LIVING: Final = """
SELECT id FROM products_product WHERE deleted_at IS NULL AND id = ANY(%s::uuid[])
"""


class NamesProduct(Protocol):
    """A line of a caller, which names a product by id, by SKU, or by both alike."""

    @property
    def product_id(self) -> UUID | None: ...

    @property
    def sku(self) -> str | None: ...


@dataclass(frozen=True, slots=True)
class Known:
    """The living products that some lines name: their SKUs by id."""

    skus: Mapping[UUID, str]
    ids: Mapping[str, UUID]

    def product_of(self, line: NamesProduct) -> UUID | None:
        """The id of the product that a line names, or None when there is no such product."""
        named = self.ids.get((line.sku or "").upper())
        if line.product_id is None:
            return named
        if line.product_id not in self.skus or (line.sku and named != line.product_id):
            return None
        return line.product_id


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
    known = known_products(lines)
    total: dict[UUID, int] = defaultdict(int)
    first: dict[UUID, Wanted] = {}
    unknown: list[NotFound] = []
    for line in lines:
        pk = known.product_of(line)
        if pk is None:
            place = f"{line.place}/{'product_id' if line.product_id else 'sku'}"
            unknown.append(NotFound("There is no such product.", attribute=place))
            continue
        total[pk] += line.quantity
        first.setdefault(pk, line)
    if unknown:
        raise together(unknown)
    return {
        pk: Wanted(total[pk], product_id=pk, sku=known.skus[pk], place=line.place)
        for pk, line in first.items()
    }


def known_products(lines: Iterable[NamesProduct]) -> Known:
    """What there is of the products that these lines name, in one query."""
    ids: set[UUID] = set()
    skus: set[str] = set()
    for line in lines:
        ids.update([line.product_id] if line.product_id else [])
        skus.update([line.sku.upper()] if line.sku else [])
    with preparing_cursor() as cursor:
        cursor.execute(NAMED, [list(ids), list(skus)])
        found: dict[UUID, str] = dict(cursor.fetchall())
    return Known(found, {sku: pk for pk, sku in found.items()})


def check_living(wanted: Mapping[UUID, Wanted]) -> None:
    """Refuse what has been deleted while we waited for its stock; now it cannot be any more."""
    with preparing_cursor() as cursor:
        cursor.execute(LIVING, [list(wanted)])
        living = {pk for (pk,) in cursor.fetchall()}
    for pk, line in wanted.items():
        if pk not in living:
            raise NotFound("There is no such product.", attribute=line.place)
