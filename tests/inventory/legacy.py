"""The import as its tests run it: rows in, and what came of them out."""

from __future__ import annotations

import csv
import json
from dataclasses import dataclass
from io import StringIO
from typing import TYPE_CHECKING, Any

from django.core.management import call_command

from inventory.models import Location, StockLevel, StockMovement
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

MUG = "11111111-2222-4333-8444-555555555555"
LAMP = "99999999-8888-4777-a666-555555555555"


def product(**columns: Any) -> dict[str, Any]:
    """A row of the table ``products``; a test names what matters to it."""
    return {
        "id": MUG,
        "name": "Mug",
        "description": "Holds tea",
        "price": "9.99",
        "images": ["https://example.com/mug.jpg"],
        "created_at": "2023-01-02 03:04:05.678",
        "updated_at": "2024-01-02 03:04:05.678",
    } | columns


def stock(**columns: Any) -> dict[str, Any]:
    """A line of mongoexport, likewise."""
    return {
        "_id": {"$oid": "65a1b2c3d4e5f60718293a4b"},
        "product_id": MUG,
        "quantity": 7,
        "last_updated": {"$date": "2024-03-04T05:06:07.089Z"},
    } | columns


def as_lines(rows: Iterable[Any]) -> str:
    return "".join(f"{row if isinstance(row, str) else json.dumps(row)}\n" for row in rows)


def as_csv(rows: Iterable[dict[str, Any]], columns: Iterable[str] = tuple(product())) -> str:
    """As COPY writes a table whose images are a text[]."""
    file = StringIO()
    table = csv.DictWriter(file, list(columns), lineterminator="\n", extrasaction="ignore")
    table.writeheader()
    for row in rows:
        table.writerow(row | {"images": "{" + ",".join(row["images"]) + "}"})
    return file.getvalue()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a run printed, and its two files."""

    output: str
    mapping: list[tuple[str, ...]]
    rejects: list[dict[str, Any]]

    @property
    def reasons(self) -> list[list[str]]:
        return [reject["reasons"] for reject in self.rejects]


class Legacy:
    """A folder with dumps, and the command that reads them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.mapping, self.rejects = folder / "mapping.csv", folder / "rejects.ndjson"

    def write(self, name: str, content: str | bytes) -> str:
        path = self.folder / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return str(path)

    def run(
        self,
        products: Iterable[Any] | None = None,
        inventory: Iterable[Any] | None = None,
        **options: Any,
    ) -> Outcome:
        """Import these rows."""
        if products is not None:
            options["products"] = self.write("products.ndjson", as_lines(products))
        if inventory is not None:
            options["inventory"] = self.write("inventory.ndjson", as_lines(inventory))
        return self.command(**options)

    def command(self, **options: Any) -> Outcome:
        """Run the command with its options; it writes, unless told otherwise."""
        given = {
            "apply": True,
            "connections": 1,  # the test's own, which sees what is not committed
            "mapping": self.mapping,
            "rejects": self.rejects,
        }
        output = StringIO()
        call_command("import_legacy", stdout=output, stderr=StringIO(), **given | options)
        return Outcome(output.getvalue(), self.mapped(), self.rejected())

    def mapped(self) -> list[tuple[str, ...]]:
        with self.mapping.open(newline="") as file:
            header, *lines = csv.reader(file)
        assert header == ["legacy_id", "id", "change"]
        return [tuple(line) for line in lines]

    def rejected(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.rejects.read_text().splitlines()]


def tables() -> list[list[tuple[Any, ...]]]:
    """All that an import writes, as it stands in the database."""
    return [
        list(model.objects.order_by("pk").values_list())
        for model in (Product, Location, StockLevel, StockMovement)
    ]


def figures() -> list[list[tuple[Any, ...]]]:
    """The same without the ids that are new at every import."""
    products = Product.objects.order_by("pk").values_list()
    levels = StockLevel.objects.order_by("product").values_list(
        "product", "location__code", "on_hand", "movement_count", "version", "updated_at"
    )
    movements = StockMovement.objects.order_by("product").values_list(
        "product", "sequence", "delta", "on_hand_after", "reason", "actor", "created_at"
    )
    return [list(products), list(levels), list(movements)]
