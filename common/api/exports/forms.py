"""What the rows of an export are written as."""

from __future__ import annotations

import csv
import json
from io import StringIO
from itertools import repeat
from typing import TYPE_CHECKING, Any, Final, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from common.api.exports.columns import Column

    Rows = Sequence[Sequence[Any]]

NDJSON: Final = "application/x-ndjson"
CSV: Final = "text/csv"

_encode: Final = json.JSONEncoder(
    ensure_ascii=False, check_circular=False, separators=(",", ":")
).encode


class Form(Protocol):
    """Writes the rows of some columns, as whole lines."""

    content_type: str
    suffix: str

    def head(self, columns: Sequence[Column]) -> bytes:
        """What stands before the first row."""

    def rows(self, columns: Sequence[Column], found: Rows) -> bytes:
        """These rows, whose values are in the order of the columns."""


class NdjsonForm:
    """An object on each line, with the same texts and numbers as in the API's documents."""

    content_type = NDJSON
    suffix = "ndjson"

    def head(self, columns: Sequence[Column]) -> bytes:
        return b""

    def rows(self, columns: Sequence[Column], found: Rows) -> bytes:
        names = [column.name for column in columns]
        written = zip(*_by_column(columns, found), strict=True)
        lines = map(_encode, map(dict, map(zip, repeat(names), written)))
        text = "".join(f"{line}\n" for line in lines)
        return _without_other_line_ends(text).encode()


class CsvForm:
    """RFC 4180 in UTF-8: a line of names, then the rows; null is empty, a list is JSON.

    Values are exact. A spreadsheet may take some of them for formulae: files for people are made
    in the back office, where those are neutralised.
    """

    content_type = f"{CSV}; charset=utf-8; header=present"
    suffix = "csv"

    def head(self, columns: Sequence[Column]) -> bytes:
        return _csv([[column.name for column in columns]])

    def rows(self, columns: Sequence[Column], found: Rows) -> bytes:
        return _csv(zip(*map(_cells, _by_column(columns, found)), strict=True))


FORMS: Final[dict[str, Form]] = {NDJSON: NdjsonForm(), CSV: CsvForm()}
"""By media type; the first is for clients that do not mind."""


def _by_column(columns: Sequence[Column], found: Rows) -> Iterator[Iterable[Any]]:
    """The values of each column, as they are written; nothing where there are no rows."""
    turned = zip(*found, strict=True)
    return (column.values(values) for column, values in zip(columns, turned, strict=bool(found)))


def _without_other_line_ends(text: str) -> str:
    """Unicode has two, at which some readers would break a line."""
    return text.replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def _cells(values: Iterable[Any]) -> Iterable[Any]:
    return [_encode(value) if isinstance(value, list) else value for value in values]


def _csv(rows: Iterable[Iterable[Any]]) -> bytes:
    text = StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue().encode()
