"""Files of rows that are taken out: what can be imported, in the same order of columns."""

from __future__ import annotations

import csv
import io
import tempfile
from datetime import date
from typing import IO, TYPE_CHECKING, Any, Final

from openpyxl import Workbook
from openpyxl.cell import WriteOnlyCell
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font

from common.importing.formulae import neutral

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from common.importing.kinds import Kind

CONTENT_TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
BOM: Final = "\ufeff"
"""Without it spreadsheets take UTF-8 for something else."""
MOST_IN_XLSX: Final = 50_000
LONGEST_IN_XLSX: Final = 32_767
"""Characters of a cell; what is longer would be cut without a word."""
AT_ONCE: Final = 1_000


class TooLong(Exception):
    """A text that no cell of a spreadsheet can hold."""


def headings(kind: Kind) -> list[str]:
    return list(kind.columns().get_export_headers())


def rows_of(kind: Kind, found: Iterable[Any]) -> Iterator[list[Any]]:
    """What stands in the cells for rows of the database."""
    columns = kind.columns()
    for row in found:
        yield columns.export_resource(row)


def example_rows(kind: Kind) -> Iterator[list[Any]]:
    for example in kind.examples:
        yield [example.get(name, "") for name in headings(kind)]


def csv_text(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> Iterator[str]:
    """CSV, some hundred rows at a time."""
    buffer = io.StringIO(newline="")
    table = csv.writer(buffer)
    buffer.write(BOM)
    table.writerow(head)
    for number, row in enumerate(rows, 1):
        table.writerow([_harmless(cell) for cell in row])
        if number % AT_ONCE == 0:
            yield _taken(buffer)
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text


def _harmless(cell: Any) -> Any:
    """Numbers are what they are, also negative ones; text cannot be a formula."""
    return neutral(cell) if isinstance(cell, str) else cell


def xlsx_file(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> IO[bytes]:
    """XLSX in a file that vanishes when it is closed. Raises TooLong.

    Text columns are text to the spreadsheet, so that leading zeros stay when they are edited.
    """
    book = Workbook(write_only=True)
    sheet = book.create_sheet("Stockroom")
    sheet.freeze_panes = "A2"
    sheet.append([_heading(sheet, name) for name in head])
    try:
        for row in rows:
            sheet.append([_cell(sheet, value) for value in row])
    except TooLong:
        book.save(io.BytesIO())  # it leaves its own temporary files otherwise
        raise
    file = tempfile.TemporaryFile()  # noqa: SIM115  the answer closes it
    book.save(file)
    file.seek(0)
    return file


def _heading(sheet: Any, name: str) -> Any:
    cell = WriteOnlyCell(sheet, name)
    cell.font = Font(bold=True)
    return cell


def _cell(sheet: Any, value: Any) -> Any:
    if isinstance(value, str):
        text = neutral(ILLEGAL_CHARACTERS_RE.sub("\ufffd", value))
        if len(text) > LONGEST_IN_XLSX:
            raise TooLong
        cell = WriteOnlyCell(sheet, text or None)
        cell.number_format = "@"
        if text:
            cell.data_type = "s"
        return cell
    cell = WriteOnlyCell(sheet, value)
    if isinstance(value, date):
        cell.number_format = "yyyy-mm-dd"
    return cell
