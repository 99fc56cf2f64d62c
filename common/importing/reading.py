"""Files of rows as staff have them: opened, their headings understood, one row after the other."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_noop as _

from common.importing import csv_files, xlsx_files
from common.importing.formulae import plain
from common.importing.lines import MOST_BYTES, Line
from common.importing.problems import Problem, Unfit, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from common.importing.kinds import Kind

MOST_ROWS: Final = 50_000
MOST_LINES: Final = 200_000
"""Empty ones too, of which spreadsheets write many."""
MOST_TEXT: Final = 32 * 1024 * 1024
"""Characters of all cells: XLSX can say the same long text fifty thousand times in few bytes."""
ADDED: Final = ("row", "problem")
"""Headings of our own files of wrong rows; they are not read."""
ZIP: Final = b"PK\x03\x04"


@dataclass(slots=True)
class Row:
    """A row as it stood in the file: what its cells hold, by heading."""

    number: int
    cells: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Sheet:
    """``form`` says how the file was read, ``expected`` about how many rows there are."""

    form: dict[str, str]
    headings: list[str]
    rows: Iterator[Row]
    expected: int


def opened(content: bytes, kind: Kind) -> Sheet:
    """The rows of a file, to be read once. Raises Unfit when it is not what it should be."""
    if not content.strip():
        raise Unfit(_("The file is empty."))
    if len(content) > MOST_BYTES:
        raise Unfit(_("The file has more than 10 MB: divide it."))
    files: Any = xlsx_files if is_zipped(content) else csv_files
    form, lines, expected = files.lines(content, {*kind.fields, *ADDED})
    filled = (line for line in _bounded(lines) if line.problems or not _is_blank(line.cells))
    first = next(filled, None)
    if first is None:
        raise Unfit(_("The file is empty."))
    headings = _headings(first, kind)
    form["headings_in_row"] = first.number
    rows = (_row(line, headings) for line in filled)
    return Sheet(form, [name for name in headings if name in kind.fields], rows, expected)


def is_zipped(content: bytes) -> bool:
    """XLSX, or what is taken for it: what it costs to read is not to be seen from its size."""
    return content.startswith(ZIP)


def _bounded(lines: Iterable[Line]) -> Iterator[Line]:
    """No more rows than we take, and no endless run of empty ones."""
    filled = text = 0
    for line in lines:
        filled += not _is_blank(line.cells)
        text += sum(len(cell) for cell in line.cells if isinstance(cell, str))
        if text > MOST_TEXT:
            raise Unfit(_("Unpacked, this file is too large: divide it."))
        if filled > MOST_ROWS + 1 or line.number > MOST_LINES:
            raise Unfit(_("The file has more than %(most)s rows: divide it."), most=MOST_ROWS)
        yield line


def _is_blank(cells: Iterable[Any]) -> bool:
    return all(cell is None or (isinstance(cell, str) and not cell.strip()) for cell in cells)


def _headings(line: Line, kind: Kind) -> list[str]:
    """What stands above the columns, as we call it; empty where nothing does."""
    names = ["_".join(str(cell or "").strip().lower().split()) for cell in line.cells]
    known = ", ".join(kind.fields)
    unknown = [name for name in names if name and name not in kind.fields and name not in ADDED]
    if unknown or line.problems:
        raise Unfit(
            _("Row %(row)s should hold the headings. Unknown: %(unknown)s. Known: %(known)s."),
            row=line.number,
            unknown=", ".join(f"“{shown(name)}”" for name in unknown[:10]) or "?",
            known=known,
        )
    if twice := [name for name, count in Counter(names).items() if name and count > 1]:
        raise Unfit(_("There are several columns %(names)s."), names=", ".join(twice))
    if missing := [name for name in kind.needed if name not in names]:
        raise Unfit(
            _("These columns are missing: %(missing)s. Known: %(known)s."),
            missing=", ".join(missing),
            known=known,
        )
    return names


def _row(line: Line, headings: Sequence[str]) -> Row:
    """The cells under their headings; what stands beside them is wrong, and so is what lacks."""
    row = Row(line.number, problems=line.problems)
    cells = [plain(cell) if isinstance(cell, str) else cell for cell in line.cells]
    cells += [None] * (len(headings) - len(cells))
    row.cells = {
        name: cell
        for name, cell in zip(headings, cells, strict=False)
        if name and name not in ADDED
    }
    beside = [
        cells[at] for at in range(len(cells)) if not headings[at : at + 1] or not headings[at]
    ]
    if not _is_blank(beside):
        row.problems.append(Problem("", _("It has cells without a heading above them.")))
    return row
