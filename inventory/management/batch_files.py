"""Files of batches: the CSV file that is read, and the one that takes what was rejected."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from inventory.management.legacy.rows import UnreadableDump, csv_rows

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

    from inventory.management.legacy.rows import Row

COLUMNS: Final = ("reference", "sku", "location", "quantity", "eta")
REQUIRED: Final = ("reference", "sku", "quantity")
OF_REJECTS: Final = ("line", "reason")
"""Columns of a file of rejects, which can be mended and given again."""
SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Sheet:
    """The rows of a file, and its columns in their order."""

    columns: list[str]
    rows: list[Row]


def read(path: Path) -> Sheet:
    """All rows of a file. Raises UnreadableDump in one sentence when it is not what it should be.

    Read to its end before anything is written: a file in a wrong encoding changes nothing.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableDump(f"{path} is not UTF-8: write it in UTF-8.") from error
    if not text.strip():
        raise UnreadableDump(f"{path} is empty.")
    rows = list(csv_rows(_lines(text), str(path), REQUIRED))
    columns = [title.strip() for title in next(csv.reader(_lines(text)))]
    if unknown := sorted({*columns} - {*COLUMNS, *OF_REJECTS}):
        told = ", ".join(map(shown, unknown))
        known = ", ".join(COLUMNS)
        raise UnreadableDump(f"{path} has unknown columns: {told}. Known are {known}.")
    return Sheet(columns, rows)


def _lines(text: str) -> io.StringIO:
    return io.StringIO(text, newline="")


def shown(text: str) -> str:
    """What a cell holds, in quotation marks; the beginning of it where it is long."""
    return repr(text if len(text) <= SHOWN else f"{text[:SHOWN]}…")


class Rejects:
    """CSV: line and reason, and behind them the row's cells as they stood in the file.

    Mended, it can be read again. A row with too few cells or too many gets none and loses none,
    so that it is rejected again until somebody has mended it.
    """

    def __init__(self, file: IO[str], columns: list[str]) -> None:
        self._columns = columns
        self._table = csv.writer(file)
        self._table.writerow([*OF_REJECTS, *self._own(columns)])

    def note(self, row: Row, reason: str) -> None:
        self._table.writerow([row.line, reason, *self._cells(row)])

    def _cells(self, row: Row) -> list[str]:
        if isinstance(row.values, str):  # its quotation marks are wrong: no cells can be told
            return [row.values.rstrip("\r\n")]
        is_whole = isinstance(row.values, dict)
        return self._own(list(row.values.values()) if is_whole else row.values)

    def _own(self, cells: list[str]) -> list[str]:
        """Without what an earlier file of rejects has said of the row."""
        told = {place for place, name in enumerate(self._columns) if name in OF_REJECTS}
        return [cell for place, cell in enumerate(cells) if place not in told]
