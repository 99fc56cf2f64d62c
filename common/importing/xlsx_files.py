"""XLSX files: zipped XML from strangers, read bit by bit and with bounds."""

from __future__ import annotations

import io
import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final
from xml.etree.ElementTree import ParseError

from django.utils.translation import gettext_noop as _
from openpyxl.utils import get_column_letter
from openpyxl.utils.exceptions import InvalidFileException

from common.importing.lines import Line
from common.importing.problems import Problem, Unfit
from common.importing.xlsx_archives import Archive, Reader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

MOST_COLUMNS: Final = 64
BROKEN: Final = (
    zipfile.BadZipFile,
    zlib.error,
    InvalidFileException,
    ParseError,
    KeyError,
    ValueError,
    TypeError,
    AttributeError,
    IndexError,
    EOFError,
    NotImplementedError,
    RecursionError,
    OSError,
)
"""What zipfile, the XML parser and openpyxl raise at files that are not what they claim."""


def lines(content: bytes, _known: Collection[str]) -> tuple[dict[str, str], Iterator[Line], int]:
    """How the file was read, the lines of its first sheet, and about how many there are."""
    with _understood():
        reader = Reader(Archive(io.BytesIO(content)))
        reader.read()
        sheet = reader.wb.worksheets[0]
        expected = min(sheet.max_row or 0, 1_048_576)
        sheet.reset_dimensions()  # what a file says of its size is often wrong
    return {"format": "XLSX", "sheet": sheet.title}, _lines(sheet), expected


@contextmanager
def _understood() -> Iterator[None]:
    try:
        yield
    except Unfit:
        raise
    except BROKEN as error:
        raise Unfit(_("This XLSX file cannot be read: save it anew, or as CSV.")) from error


def _lines(sheet: Any) -> Iterator[Line]:
    rows = enumerate(sheet.iter_rows(max_col=MOST_COLUMNS), 1)
    while True:
        with _understood():
            number, cells = next(rows, (0, ()))
        if not number:
            return
        yield _line(number, cells)


def _line(number: int, cells: Sequence[Any]) -> Line:
    problems = []
    for place, cell in enumerate(cells, 1):
        if cell.data_type == "f":
            told = _("%(cell)s holds a formula: put its value there instead.")
        elif cell.data_type == "e":
            told = _("%(cell)s holds an error.")
        else:
            continue
        problems.append(Problem("", told, {"cell": f"{get_column_letter(place)}{number}"}))
    return Line(number, [cell.value for cell in cells], problems)
