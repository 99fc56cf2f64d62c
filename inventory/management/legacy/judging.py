"""Which rows can be taken over, by the same rules as what clients send; and why not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from rest_framework.serializers import ValidationError

from common.api import fields
from common.api.documents import Document
from inventory.management.legacy import ids, values
from inventory.operations.opening import OpeningStock
from products.api.serializers import ProductInput
from products.importing import ImportedProduct

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from datetime import datetime

    from inventory.management.legacy.rows import Row

    Values = Mapping[str, Any]
    Readers = Mapping[str, Callable[[Values], Any]]

PRODUCT_COLUMNS: Final = (
    "id", "name", "description", "price", "images", "created_at", "updated_at",
)  # fmt: skip

_as_sent: Final = ProductInput(document=Document()).fields
_quantity: Final = fields.Integer(min_value=0)


class Rejected(Exception):
    """A row that cannot be taken over, and every reason that was found."""

    def __init__(self, *reasons: str) -> None:
        super().__init__(*reasons)
        self.reasons = list(reasons)


class Products:
    """Judges the rows of products, one after the other.

    Ids are remembered as numbers: a million of them take about 100 MB. ``tidied`` counts those
    whose name or description is not kept letter by letter.
    """

    def __init__(self, now: datetime) -> None:
        self._now = now
        self.accepted: set[int] = set()
        self.rejected: set[int] = set()
        self.tidied = 0

    def product(self, row: Row) -> ImportedProduct:
        """The product that a row describes; of two with one id the first. Raises Rejected."""
        try:
            found = _checked(row, PRODUCT_READERS)
            self._check_past(found)
        except Rejected:
            number = None if row.problem else _number(row.values.get("id"))
            if number is not None:
                self.rejected.add(number)
            raise
        product = ImportedProduct(**found | {"id": ids.product_id(found["id"])})
        if product.id.int in self.accepted:
            raise Rejected("id: A row before this one has the same id.")
        self.accepted.add(product.id.int)
        self.tidied += any(found[name] != row.values[name] for name in ("name", "description"))
        return product

    def _check_past(self, found: Mapping[str, Any]) -> None:
        stamps = ("created_at", "updated_at")
        if late := [f"{name}: In the future." for name in stamps if found[name] >= self._now]:
            raise Rejected(*late)


class Stock:
    """Judges the rows of stock likewise. What they are of is for the database to say."""

    def __init__(self, now: datetime) -> None:
        self._now = now
        self._seen: set[int] = set()

    def opening(self, row: Row) -> OpeningStock:
        """The stock that a row describes; of two for one product the first. Raises Rejected."""
        found = _checked(row, STOCK_READERS)
        product_id, at = ids.product_id(found["product_id"]), found["last_updated"]
        if at < values.EPOCH:
            raise Rejected("last_updated: Before 1970.")
        if at >= self._now:
            raise Rejected("last_updated: In the future.")
        if product_id.int in self._seen:
            raise Rejected("product_id: A row before this one is of the same product.")
        self._seen.add(product_id.int)
        return OpeningStock(product_id, found["quantity"], at)


def _checked(row: Row, readers: Readers) -> dict[str, Any]:
    if row.problem:
        raise Rejected(row.problem)
    found, reasons = {}, []
    for name, read in readers.items():
        try:
            found[name] = read(row.values)
        except ValidationError as error:
            reasons += [f"{name}: {message}" for message in _messages(error.detail)]
    if reasons:
        raise Rejected(*reasons)
    return found


def _messages(detail: Any) -> Iterator[str]:
    """The sentences in an error; those about an item of a list say which one."""
    if isinstance(detail, dict):
        for place, details in detail.items():
            yield from (f"({place + 1}) {message}" for message in _messages(details))
    elif isinstance(detail, list):
        for each in detail:
            yield from _messages(each)
    else:
        yield str(detail)


def _number(value: Any) -> int | None:
    """The number that an id is, if it is one."""
    try:
        return ids.product_id(ids.checked(value)).int
    except ValidationError:
        return None


def _stamp(name: str, instead: str) -> Callable[[Values], datetime]:
    """Where only one of the two stamps is known, it stands for the other too."""
    return lambda row: values.moment(row.get(name) or row.get(instead))


PRODUCT_READERS: Final[Readers] = {
    "id": lambda row: ids.checked(row.get("id")),
    "name": lambda row: _as_sent["name"].run_validation(values.text(row.get("name"))),
    "description": lambda row: _as_sent["description"].run_validation(
        values.text(row.get("description"))
    ),
    "price": lambda row: _as_sent["price"].run_validation(values.amount(row.get("price"))),
    "images": lambda row: _as_sent["images"].run_validation(values.images(row.get("images"))),
    "created_at": _stamp("created_at", "updated_at"),
    "updated_at": _stamp("updated_at", "created_at"),
}
STOCK_READERS: Final[Readers] = {
    "product_id": lambda row: ids.checked(values.plain(row.get("product_id"))),
    "quantity": lambda row: _quantity.run_validation(
        values.whole_number(values.plain(row.get("quantity")))
    ),
    "last_updated": lambda row: values.moment(values.plain(row.get("last_updated"))),
}
