"""CSV files, as spreadsheets in different countries write them."""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Final

from django.utils.translation import gettext_noop as _

from common.importing.lines import MOST_BYTES, Line
from common.importing.problems import Problem, Unfit

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

SEPARATORS: Final = {",": "comma", ";": "semicolon", "\t": "tab"}
UTF16: Final = (b"\xff\xfe", b"\xfe\xff")

csv.field_size_limit(MOST_BYTES)


def lines(content: bytes, known: Collection[str]) -> tuple[dict[str, str], Iterator[Line], int]:
    """How the file was read, its lines, and about how many there are."""
    encoding, text = _decoded(content)
    separator = _separator(text, known)
    form = {"format": "CSV", "encoding": encoding, "separator": SEPARATORS[separator]}
    return form, _lines(text, separator), text.count("\n")


def _decoded(content: bytes) -> tuple[str, str]:
    """UTF-8 if it can be; otherwise what Windows writes, which is told, as it may be a guess."""
    names = ["utf-16"] if content.startswith(UTF16) else ["utf-8-sig", "cp1252"]
    for name in names:
        try:
            text = content.decode(name)
        except UnicodeDecodeError:
            continue
        if "\0" in text:
            break
        return {"utf-8-sig": "UTF-8", "cp1252": "Windows-1252"}.get(name, "UTF-16"), text
    raise Unfit(_("This is neither CSV nor XLSX: save it as CSV in UTF-8, or as XLSX."))


def _separator(text: str, known: Collection[str]) -> str:
    """What parts the most headings that we know; a comma if nothing does."""

    def found(separator: str) -> int:
        first = next(csv.reader(io.StringIO(text.lstrip(), newline=""), delimiter=separator), [])
        return sum("_".join(cell.strip().lower().split()) in known for cell in first)

    try:
        return max(SEPARATORS, key=found)
    except csv.Error:
        return ","


def _lines(text: str, separator: str) -> Iterator[Line]:
    """Numbered as a spreadsheet does it: by rows, however many lines of text a cell has."""
    table = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    number, width = 0, None
    while True:
        number += 1
        try:
            cells = next(table)
        except StopIteration:
            return
        except csv.Error:
            told = _(
                "Its quotation marks are wrong: the row, or all below it, cannot be told apart."
            )
            yield Line(number, [], [Problem("", told)])
            continue
        if not any(cell.strip() for cell in cells):
            yield Line(number, [])
            continue
        width = width or len(cells)
        problems = []
        if len(cells) < width:
            problems.append(Problem("", _("It has fewer cells than there are headings.")))
        yield Line(number, cells, problems)
