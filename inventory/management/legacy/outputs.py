"""The two files that a run leaves: which ids changed, and which rows were rejected and why."""

from __future__ import annotations

import csv
import json
from collections import Counter
from contextlib import contextmanager
from decimal import Decimal
from typing import IO, TYPE_CHECKING, Any, Final

from inventory.management.legacy import ids

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from uuid import UUID

    from inventory.management.legacy.rows import Row

MAPPING_HEADER: Final = ("legacy_id", "id", "change")


def beside(path: Path) -> Path:
    """Where a file is written until it is whole."""
    return path.with_name(f"{path.name}.part")


@contextmanager
def replaced(path: Path) -> Iterator[IO[str]]:
    """A new file that takes the place of the old one when all is written, and not before."""
    part = beside(path)
    with _opened(part, path) as file:
        try:
            yield file
            file.flush()
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)


def _opened(part: Path, path: Path) -> IO[str]:
    try:
        # A character that UTF-8 cannot carry is written as JSON escapes it.
        return part.open("w", encoding="utf-8", errors="backslashreplace", newline="")
    except OSError as error:
        error.filename = str(path)  # the name that somebody has typed
        raise


class Mapping:
    """CSV: the old id, the new one, and ``uuid5`` or ``respelled``."""

    def __init__(self, file: IO[str]) -> None:
        self._rows = csv.writer(file, lineterminator="\n")
        self._rows.writerow(MAPPING_HEADER)
        self.count = 0

    def note(self, legacy_id: str, product_id: UUID) -> None:
        if change := ids.change(legacy_id, product_id):
            self._rows.writerow((legacy_id, product_id, change))
            self.count += 1


class Rejects:
    """One JSON object a line; with its ``row`` mended, the file can be read as a dump again."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self.reasons: Counter[str] = Counter()

    def note(self, source: str, row: Row, reasons: list[str]) -> None:
        entry = {"source": source, "line": row.line, "reasons": reasons, "row": row.values}
        self._file.write(json.dumps(entry, ensure_ascii=False, default=_number) + "\n")
        self.reasons.update(f"{source}: {reason}" for reason in reasons)


def mended(source: str, row: Row) -> Any:
    """The row within a line of a rejects file, None if it is of the other source."""
    if row.problem or not {"source", "reasons", "row"} <= row.values.keys():
        return row.values
    return row.values["row"] if row.values["source"] == source else None


def _number(value: Decimal) -> float | str:
    """A fraction as JSON has it, unless that would be another one."""
    return float(value) if Decimal(repr(float(value))) == value else str(value)
