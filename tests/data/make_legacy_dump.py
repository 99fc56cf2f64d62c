#!/usr/bin/env python
"""Dumps of the two former databases, some rows broken on purpose; the same ones for a seed.

    python tests/data/make_legacy_dump.py FOLDER --products 100000 --seed 1

Writes ``products.csv`` as ``\\copy products TO ... CSV HEADER`` does, with ``--json`` also
``products.ndjson``, one object a line, ``inventory.ndjson`` as ``mongoexport`` does, and
``expected.json``, which it prints too: what an import makes of them.

Needs nothing but Python, and knows nothing of the program that reads the dumps.
"""

from __future__ import annotations

import argparse
import csv
import json
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Record = dict[str, Any]

BEGIN = datetime(2021, 3, 1, 8, tzinfo=UTC)
COLUMNS = ("id", "name", "description", "price", "images", "created_at", "updated_at")
WITHOUT_STOCK_EVERY = 20
MAKES = ("Nordlys", "Kestrel", "Ångström", "Brook", "Köhler", "Moorland", "Zephyr", "Harbour")
KINDS = ("mug", "lamp", "chair", "kettle", "blanket", "lantern", "shelf", "teapot", "stool")
WORDS = [
    *("quiet", "sturdy", "light", "woven", "turned", "glazed", "brushed", "oiled", "folding"),
    *("for", "every", "day", "and", "many", "years", "easy", "to", "clean", "made", "of", "oak"),
    *("steel", "wool", "linen", "cork", "glass", "copper", "with", "a", "handle", "stacking"),
]


@dataclass
class Expected:
    """What an import into an empty Stockroom makes of the dumps."""

    products_read: int = 0
    products_imported: int = 0
    ids_made: int = 0
    """Ids that are no UUIDs, of imported products."""
    ids_respelled: int = 0
    """Ids that are UUIDs in another spelling than the usual one, likewise."""
    stock_read: int = 0
    stock_imported: int = 0
    units_imported: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Rejected rows by what is wrong with them."""

    def reject(self, fault: str) -> None:
        self.rejected[fault] = self.rejected.get(fault, 0) + 1


def a_uuid(random: Random) -> str:
    return str(UUID(int=random.getrandbits(128), version=4))


def stamp(moment: datetime) -> str:
    """As PostgreSQL writes a timestamp without time zone."""
    return moment.replace(tzinfo=None).isoformat(" ")


def product(number: int, random: Random) -> Record:
    """A row that is as it should be; of every fifty two have an id that must change."""
    legacy_id = a_uuid(random)
    match number % 50:
        case 7:
            legacy_id = f"PROD-{number:07}"
        case 13:
            legacy_id = legacy_id.replace("-", "")
        case 29:
            legacy_id = legacy_id.upper()
    created = BEGIN + timedelta(seconds=number * 97, microseconds=random.randrange(10**6))
    name = f"{random.choice(MAKES)} {random.choice(KINDS)} No. {number}"
    description = " ".join(random.choices(WORDS, k=random.randint(8, 30))).capitalize()
    pictures = random.randrange(4)
    return {
        "id": legacy_id,
        "name": name,
        "description": f'{name}.\n{description}, "as seen".' if number % 9 == 0 else description,
        "price": f"{random.randint(99, 250_000) / 100:.2f}",
        "images": [f"https://img.example.com/{number}/{n}.jpg" for n in range(pictures)],
        "created_at": stamp(created),
        "updated_at": stamp(created + timedelta(days=random.randint(0, 900))),
    }


def changed(**values: Any) -> Callable[[Record], Record]:
    return lambda record: record | values


PRODUCT_FAULTS: dict[str, Callable[[Record], Record]] = {
    "no id": changed(id=""),
    "no name": changed(name=""),
    "name of white space": changed(name="   "),
    "name too long": changed(name="n" * 256),
    "no description": changed(description=""),
    "control character": changed(description="Bell \a rings"),
    "no price": changed(price=""),
    "price of zero": changed(price="0.00"),
    "negative price": changed(price="-5.00"),
    "price too high": changed(price="100000000.00"),
    "fraction of a cent": changed(price="9.999"),
    "price in words": changed(price="cheap"),
    "image that is no URL": changed(images=["laptop.jpg"]),
    "image with a script": changed(images=["javascript:alert(1)"]),
    "too many images": changed(images=[f"https://img.example.com/{n}.jpg" for n in range(21)]),
    "no such date": changed(created_at="2023-02-30 10:00:00"),
    "two faults": changed(name="", price="-1"),
}


def stock(product_id: str, number: int, random: Random) -> Record:
    """A line that is as it should be, in one of the ways that mongoexport writes numbers."""
    quantity = 0 if number % 11 == 0 else random.randint(1, 5_000)
    moment = BEGIN + timedelta(days=950, seconds=number, milliseconds=random.randrange(1_000))
    milliseconds = round(moment.timestamp() * 1_000)
    written = (quantity, {"$numberInt": str(quantity)}, {"$numberLong": str(quantity)},
               {"$numberDouble": f"{quantity}.0"})  # fmt: skip
    date = (moment.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            {"$numberLong": str(milliseconds)})  # fmt: skip
    return {
        "_id": {"$oid": f"{random.getrandbits(96):024x}"},
        "product_id": product_id,
        "quantity": written[number % 4],
        "last_updated": {"$date": date[number % 2]},
    }


STOCK_FAULTS: dict[str, Callable[[Record], Record]] = {
    "negative quantity": changed(quantity=-1),
    "fraction of a piece": changed(quantity=2.5),
    "quantity as text": changed(quantity="12"),
    "no quantity": lambda record: {k: v for k, v in record.items() if k != "quantity"},
    "quantity of null": changed(quantity=None),
    "quantity too high": changed(quantity={"$numberLong": "1000000001"}),
    "no last_updated": lambda record: {k: v for k, v in record.items() if k != "last_updated"},
    "no such moment": changed(last_updated={"$date": "yesterday"}),
    "a moment to come": changed(last_updated={"$date": "2999-01-01T00:00:00Z"}),
    "stock without a product": changed(product_id="00000000-0000-4000-8000-000000000000"),
    "no product_id": changed(product_id=None),
}


def units(line: Record) -> int:
    quantity = line["quantity"]
    return int(float(*quantity.values())) if isinstance(quantity, dict) else quantity


class Dump:
    """The rows one after the other, counting what is to become of them."""

    def __init__(self, products: int, seed: int, broken_every: int) -> None:
        self.count = products
        self.broken_every = broken_every
        self.random = Random(seed)  # noqa: S311  a story, not a secret
        self.expected = Expected()
        self.stocked: list[tuple[str, bool]] = []
        """The ids of products, and whether the product is imported."""

    def products(self) -> Iterator[Record]:
        faults = [*PRODUCT_FAULTS, "id of another row"]
        for number in range(self.count):
            record, fault = product(number, self.random), None
            if number % self.broken_every == self.broken_every - 1:
                fault = faults[number // self.broken_every % len(faults)]
            if fault == "id of another row":
                record["id"] = self._id_before()
            elif fault:
                record = PRODUCT_FAULTS[fault](record)
            self._note_product(record, fault)
            yield record

    def _id_before(self) -> str:
        """The id of an imported product, in another spelling if it can be."""
        known = next(key for key, is_imported in reversed(self.stocked) if is_imported)
        return known.upper() if len(known) == 36 and known[8] == "-" else known

    def _note_product(self, record: Record, fault: str | None) -> None:
        expected, legacy_id = self.expected, record["id"]
        expected.products_read += 1
        if fault:
            expected.reject(fault)
        else:
            is_uuid = not legacy_id.startswith("PROD-")
            expected.products_imported += 1
            expected.ids_made += not is_uuid
            expected.ids_respelled += is_uuid and legacy_id != str(UUID(legacy_id))
        if fault not in {"id of another row", "no id"}:
            self.stocked.append((legacy_id, fault is None))

    def stock(self) -> Iterator[Record]:
        faults = [*STOCK_FAULTS, "second line of a product"]
        before = None
        for number, (product_id, is_imported) in enumerate(self.stocked):
            if number % WITHOUT_STOCK_EVERY == 0:
                continue
            line, fault = stock(product_id, number, self.random), None
            if not is_imported:
                fault = "stock of a rejected product"
            elif number % self.broken_every == self.broken_every // 2:
                fault = faults[number // self.broken_every % len(faults)]
            if fault == "second line of a product":
                line["product_id"] = before
            elif fault in STOCK_FAULTS:
                line = STOCK_FAULTS[fault](line)
            before = product_id if fault is None else before
            self._note_stock(line, fault)
            yield line

    def _note_stock(self, line: Record, fault: str | None) -> None:
        self.expected.stock_read += 1
        if fault:
            self.expected.reject(fault)
        else:
            self.expected.stock_imported += 1
            self.expected.units_imported += units(line)


def array(images: list[str]) -> str:
    """As PostgreSQL writes a text[]."""
    return "{" + ",".join(images) + "}"


def make(
    folder: Path,
    *,
    products: int,
    seed: int = 1,
    broken_every: int = 100,
    with_json: bool = False,
) -> Expected:
    """Write the dumps into a folder; what an import is to make of them.

    One row of ``broken_every`` is broken, of products and of stock alike, each in another way.
    """
    folder.mkdir(parents=True, exist_ok=True)
    dump = Dump(products, seed, broken_every)
    with ExitStack() as at_end:

        def new(name: str):
            return at_end.enter_context((folder / name).open("w", encoding="utf-8", newline=""))

        table = csv.writer(new("products.csv"), lineterminator="\n")
        table.writerow(COLUMNS)
        objects = new("products.ndjson") if with_json else None
        for record in dump.products():
            table.writerow([*(record | {"images": array(record["images"])}).values()])
            if objects:
                objects.write(json.dumps(record, ensure_ascii=False) + "\n")
        lines = new("inventory.ndjson")
        for line in dump.stock():
            lines.write(json.dumps(line, separators=(",", ":")) + "\n")
        new("expected.json").write(json.dumps(asdict(dump.expected), indent=2) + "\n")
    return dump.expected


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--products", type=int, default=100_000, help="rows (%(default)s)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", action="store_true", help="products.ndjson too")
    options = parser.parse_args()
    expected = make(
        options.folder, products=options.products, seed=options.seed, with_json=options.json
    )
    print(json.dumps(asdict(expected), indent=2))  # noqa: T201  it is what one asks for


if __name__ == "__main__":
    main()
