"""The rows of the large demo, as the tables are to hold them."""

from __future__ import annotations

from functools import cache
from struct import Struct
from typing import TYPE_CHECKING, Final

from inventory.management.demo import binary
from inventory.management.demo.assortment import KINDS, items
from inventory.management.demo.binary import NULL, identity, microseconds

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from uuid import UUID

    from common.observability.context import Cause
    from inventory.management.demo.trade import Calendar, Movement, Stock

PRODUCT_COLUMNS: Final = (
    "id", "created_at", "updated_at", "version", "category_id", "price", "images", "status",
    "barcode", "sku", "name", "description",
)  # fmt: skip
LEVEL_COLUMNS: Final = (
    "id", "product_id", "location_id", "created_at", "updated_at", "on_hand", "reserved",
    "movement_count", "version", "safety_stock", "reorder_point", "reorder_quantity",
)  # fmt: skip
MOVEMENT_COLUMNS: Final = (
    "id", "stock_level_id", "product_id", "location_id", "created_at", "sequence", "delta",
    "on_hand_after", "reference", "reason", "note", "actor", "request_id",
)  # fmt: skip
# The columns of a fixed size, which come first, each after its size; before all their number.
PRODUCT: Final = Struct(">h iQQ iq iq iq")
LEVEL: Final = Struct(">h iQQ iQQ i16s iq iq iq iq iq iq")
MOVEMENT: Final = Struct(">h iQQ iQQ iQQ i16s iq iq iq iq")
NOTES: Final = {
    "receipt": "",
    "sale": "",
    "count": "Counted again.",
    "return": "Unopened, back on the shelf.",
    "damage": "Scratched in transport.",
}


def products(stock: Stock, shelves: Mapping[str, UUID], image_base: str) -> Iterator[bytes]:
    """``shelves`` are the ids of the categories, by their names."""
    categories = {name: binary.uuid(category) for name, category in shelves.items()}
    images = {kind.picture: binary.texts([f"{image_base}/{kind.picture}"]) for kind in KINDS}
    images[""] = binary.texts([])
    for number, item in enumerate(items(stock.products)):
        moment = microseconds(stock.calendar.listed(number))
        yield b"".join(
            (
                PRODUCT.pack(
                    len(PRODUCT_COLUMNS),
                    16, *_product_id(stock.calendar, number),
                    8, moment, 8, moment, 8, 1,
                ),
                categories[item.kind.shelf],
                binary.price(item.cents),
                images[item.picture],
                binary.text(item.status),
                binary.text(item.barcode) if item.barcode else NULL,
                binary.text(item.sku),
                binary.text(item.name),
                binary.text(item.description),
            )
        )  # fmt: skip


def levels(stock: Stock, locations: Sequence[UUID]) -> Iterator[bytes]:
    """``locations`` are the ids of the main one and of the depot."""
    for level, (product, place) in enumerate(zip(stock.product, stock.place, strict=True)):
        opened = stock.opened(level)
        point = stock.reorder_point(level)
        row = LEVEL.pack(
            len(LEVEL_COLUMNS),
            16, *identity(opened, product),
            16, *_product_id(stock.calendar, product),
            16, locations[place].bytes,
            8, microseconds(opened),
            8, microseconds(stock.changed[level]),
            8, stock.on_hand[level],
            8, 0,
            8, stock.movements[level],
            8, 1 + stock.movements[level],
        )  # fmt: skip
        yield row + _reorder_settings(point)


def movements(
    happened: Iterable[Movement], stock: Stock, locations: Sequence[UUID], cause: Cause
) -> Iterator[bytes]:
    """``locations`` are the ids of the main one and of the depot."""
    places = [location.bytes for location in locations]
    causes = {
        reason: b"".join(
            binary.text(value) for value in (reason, note, cause.actor, cause.request_id)
        )
        for reason, note in NOTES.items()
    }
    for level, moment, sequence, delta, on_hand_after, reason, reference in happened:
        product = stock.product[level]
        row = MOVEMENT.pack(
            len(MOVEMENT_COLUMNS),
            16, *identity(moment, ~level),
            16, *identity(stock.opened(level), product),
            16, *_product_id(stock.calendar, product),
            16, places[stock.place[level]],
            8, microseconds(moment),
            8, sequence,
            8, delta,
            8, on_hand_after,
        )  # fmt: skip
        yield row + binary.text(reference) + causes[reason]


def _product_id(calendar: Calendar, product: int) -> tuple[int, int]:
    return identity(calendar.listed(product), product)


@cache
def _reorder_settings(point: int | None) -> bytes:
    """Safety stock, reorder point and reorder quantity."""
    quantity = None if point is None else 3 * point
    return b"".join(binary.small_number(value) for value in ((point or 0) // 4, point, quantity))
