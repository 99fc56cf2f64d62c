"""What an XLSX file would cost, told before openpyxl builds anything from it.

Few bytes can mean much: zipped, and again as elements, each of which becomes an object.
"""

from __future__ import annotations

import zipfile
from typing import IO, TYPE_CHECKING, Any, Final
from xml.parsers import expat

from django.utils.translation import gettext_noop as _
from openpyxl.reader.excel import ExcelReader
from openpyxl.xml.constants import SHEET_MAIN_NS

from common.importing.problems import Unfit

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST_UNPACKED: Final = 128 * 1024 * 1024
MOST_STREAMED: Final = 64 * 1024 * 1024
"""Of a sheet."""
MOST_TEXTS: Final = 48 * 1024 * 1024
"""Of the shared texts, which are held in memory."""
MOST_WHOLE: Final = 2 * 1024 * 1024
"""Of any other part: styles and the like, which become objects as a whole."""
MOST_KEPT: Final = 50_000
"""Elements that are in memory together, outside rows and texts, or within one of them."""
MOST_TRANSLATED: Final = 16_000_000
"""Characters of shared formulae, each counted for every cell that shares in it."""
FORMULA: Final = f"{SHEET_MAIN_NS}}}f"
ROW: Final = f"{SHEET_MAIN_NS}}}row"
TEXT: Final = f"{SHEET_MAIN_NS}}}si"
MOST_UNITS: Final = {ROW: 250_000, TEXT: 450_000}
"""Each leaves something behind, also where it is forgotten."""


def too_large() -> Unfit:
    return Unfit(_("Unpacked, this XLSX file is too large: divide it, or save it as CSV."))


class Archive(zipfile.ZipFile):
    """Parts are given out only within their bounds, whatever they are called.

    zipfile reads no further than the sizes that are looked at here. ``unit`` is what is forgotten
    again while a part is streamed.
    """

    def __init__(self, file: IO[bytes]) -> None:
        super().__init__(file)
        self.unit = ROW
        self._fit: set[tuple[str, str]] = set()
        if sum(part.file_size for part in self.infolist()) > MOST_UNPACKED:
            raise too_large()

    def read(self, name: Any, pwd: bytes | None = None) -> bytes:
        self._look_at(name, "", MOST_WHOLE)
        with super().open(name, pwd=pwd) as part:
            return part.read()

    def open(self, name: Any, *args: Any, **options: Any) -> IO[bytes]:
        self._look_at(name, self.unit, MOST_TEXTS if self.unit == TEXT else MOST_STREAMED)
        return super().open(name, *args, **options)

    def _look_at(self, name: Any, unit: str, most: int) -> None:
        part = self.getinfo(name)
        if part.file_size > most:
            raise too_large()
        if (part.filename, unit) not in self._fit:
            with super().open(part) as source:
                _Elements(unit).look_at(source)
            self._fit.add((part.filename, unit))


class Reader(ExcelReader):  # type: ignore[misc]  # openpyxl ships no types
    """Reads no more of a book than its sheets need."""

    def __init__(self, archive: Archive) -> None:
        super().__init__(archive.fp, read_only=True, keep_links=False)
        self.archive = archive

    def read_strings(self) -> None:
        self.archive.unit = TEXT
        super().read_strings()
        self.archive.unit = ROW

    def read_chartsheet(self, sheet: Any, rel: Any) -> None:
        """It has no rows, and would be read as a whole."""


class _Elements:
    """Counts the elements that a reader would hold in memory together."""

    def __init__(self, unit: str) -> None:
        self.unit = unit
        self.kept = self.units = 0
        self.kept_before: list[int] = []
        self.formulae = self.translated = 0
        self.parser = expat.ParserCreate(namespace_separator="}")
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.StartDoctypeDeclHandler = self._refuse  # entities: texts that grow

    def look_at(self, source: IO[bytes]) -> None:
        """Raises Unfit, and ValueError at what is no XML."""
        try:
            self.parser.ParseFile(source)
        except expat.ExpatError as error:
            raise ValueError from error

    def _refuse(self, *_doctype: Any) -> None:
        raise ValueError

    def _start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == self.unit:
            self.kept_before.append(self.kept)
            self.units += 1
        self.kept += 1 + len(attributes) // 8
        if name == FORMULA and attributes.get("t") == "shared":
            self.translated += self.formulae
            self.parser.CharacterDataHandler = self._formula
        within = self.kept - (self.kept_before[0] if self.kept_before else 0)
        if (
            within > MOST_KEPT
            or self.units > MOST_UNITS.get(self.unit, 0)
            or self.translated > MOST_TRANSLATED
            or len(self.kept_before) > 1
        ):
            raise too_large()

    def _end(self, name: str) -> None:
        if name == self.unit:
            self.kept = self.kept_before.pop()
        elif name == FORMULA:
            self.parser.CharacterDataHandler = None

    def _formula(self, text: str) -> None:
        self.formulae += len(text)
        self.translated += len(text)
