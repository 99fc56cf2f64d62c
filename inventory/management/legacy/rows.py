"""Rows out of a dump, one after the other: CSV, a JSON array, or one JSON object a line."""

from __future__ import annotations

import csv
import json
from collections import Counter
from dataclasses import dataclass, replace
from decimal import Decimal, InvalidOperation
from itertools import chain
from typing import TYPE_CHECKING, Any, Final, TextIO

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

MAX_CHARACTERS: Final = 16 * 2**20
"""Of one row: past it something is broken, such as a quotation mark that is never closed."""
CHUNK: Final = 2**16
BETWEEN: Final = " \t\r\n,"


class UnreadableDump(Exception):
    """The dump is not what it should be, as a whole; its message is for the operator."""


@dataclass(frozen=True, slots=True)
class Row:
    """One row, the line of the dump where it begins, and its length in characters, about.

    ``values`` is a dict by column; whatever else stands there is no row, and ``problem`` says so.
    """

    line: int
    values: Any
    length: int
    problem: str = ""


def read(text: TextIO, name: str, columns: Sequence[str] = ()) -> Iterator[Row]:
    """The rows of a dump; its form shows at its first character. CSV must have these columns.

    Where no columns are named, it can be JSON only, and an empty file is no rows: mongoexport
    writes one for an empty collection.
    """
    head = text.readline(CHUNK)
    while head.isspace():
        head = text.readline(CHUNK)
    if not head and not columns:
        return iter(())
    if not head:
        raise UnreadableDump(f"{name} is empty.")
    if head.startswith("[") or head.strip() == "{":
        return json_values(text, head, name)
    lines = chain([head if head.endswith("\n") else head + text.readline()], text)
    is_json = head.startswith("{") or not columns
    return json_lines(lines) if is_json else csv_rows(lines, name, columns)


def csv_rows(lines: Iterable[str], name: str, columns: Sequence[str]) -> Iterator[Row]:
    """Rows below a header; its columns may come in any order and be more than those needed."""
    table = _csv_rows(lines, name)
    first = next(table, None)
    if first and first.problem:
        raise UnreadableDump(f"{name}, line 1: {first.problem}")
    header = _header(first.values if first else [], name, columns)
    for row in table:
        if row.problem:
            yield row
        elif len(row.values) == len(header):
            yield Row(row.line, dict(zip(header, row.values, strict=True)), row.length)
        elif row.values:
            problem = f"{len(row.values)} columns where {len(header)} are due."
            yield replace(row, problem=problem)


def _csv_rows(lines: Iterable[str], name: str) -> Iterator[Row]:
    """The fields of each row; the text itself where its quotation marks are wrong."""
    csv.field_size_limit(MAX_CHARACTERS)
    taken: list[str] = []
    reader = csv.reader(_noted(lines, taken), strict=True)
    while True:
        line = reader.line_num + 1
        taken.clear()
        try:
            fields = next(reader, None)
        except csv.Error as error:
            text = "".join(taken)
            problem = _misquoted(str(error), line, len(taken))
            if len(text) >= MAX_CHARACTERS:
                raise UnreadableDump(f"{name}: {problem}") from error
            yield Row(line, text, len(text), problem)
        else:
            if fields is None:
                return
            yield Row(line, fields, sum(map(len, fields)))


def _misquoted(error: str, line: int, count: int) -> str:
    """What is wrong with a row of so many lines, where the CSV reader gave it up."""
    if "expected after" in error and count == 1:
        return "Text follows a closing quotation mark; within a quotation it is to be doubled."
    closed = "closed" if "expected after" in error else "ever closed"
    return (
        f"A quotation mark in the row that begins in line {line} is not {closed}: "
        f"it takes {count} lines."
    )


def _noted(lines: Iterable[str], taken: list[str]) -> Iterator[str]:
    for line in lines:
        taken.append(line)
        yield line


def _header(fields: list[str], name: str, columns: Sequence[str]) -> list[str]:
    header = [title.strip() for title in fields]
    if missing := [column for column in columns if column not in header]:
        other = next((each for each in ";\t|" if each in "".join(header)), None)
        hint = f" They are to be separated by commas, not by {other!r}." if other else ""
        raise UnreadableDump(f"{name} lacks the columns {', '.join(missing)} in its header.{hint}")
    if twice := [title for title, count in Counter(header).items() if title and count > 1]:
        raise UnreadableDump(f"{name} has the columns {', '.join(twice)} more than once.")
    return header


def json_lines(lines: Iterable[str]) -> Iterator[Row]:
    """One object a line; a line that is none is one bad row."""
    decoder = _Decoder()
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text:
            continue
        value, end = decoder.value(text)
        if end == len(text):
            yield decoder.row(number, value, text)
        else:
            yield Row(number, text, len(line), "Not JSON.")


def json_values(text: TextIO, head: str, name: str) -> Iterator[Row]:
    """The elements of an array, or objects that go over several lines each."""
    decoder, is_array = _Decoder(), head.startswith("[")
    buffer, line, is_at_end = head.removeprefix("["), 1, False
    while not (is_at_end and not is_array and not buffer.strip(BETWEEN)):
        rest = buffer.lstrip(BETWEEN)
        line += buffer.count("\n", 0, len(buffer) - len(rest))
        if is_array and rest.startswith("]"):
            _check_end(rest[1:], text, name, line)
            return
        value, end = decoder.value(rest)
        if 0 < end < len(rest) or (end and is_at_end):
            yield decoder.row(line, value, rest[:end])
            line += rest.count("\n", 0, end)
            buffer = rest[end:]
        elif is_at_end or len(rest) > MAX_CHARACTERS:
            raise UnreadableDump(f"{name}, line {line}: not JSON, or cut off here.")
        else:
            more = text.read(max(CHUNK, len(rest)))
            buffer, is_at_end = rest + more, not more


def _check_end(after: str, text: TextIO, name: str, line: int) -> None:
    """Refuse what stands behind an array, such as another one: a file has one of them."""
    while after:
        rest = after.lstrip()
        line += after.count("\n", 0, len(after) - len(rest))
        if rest:
            raise UnreadableDump(f"{name}, line {line}: more after the array. Give it separately.")
        after = text.read(CHUNK)


class _Decoder(json.JSONDecoder):
    """Reads on over what no JSON should hold, so that it costs that one row alone."""

    def __init__(self) -> None:
        super().__init__(
            object_pairs_hook=self._object,
            parse_int=self._integer,
            parse_float=self._number,
            parse_constant=self._constant,
        )
        self._problem = ""

    def value(self, text: str) -> tuple[Any, int]:
        """The value at the beginning and where it ends; nowhere when it is not complete."""
        self._problem = ""
        try:
            return self.raw_decode(text)
        except (ValueError, RecursionError):
            return None, 0

    def row(self, line: int, value: Any, text: str) -> Row:
        """The row that a value is; the text itself if it cannot be told what was meant."""
        if self._problem:
            return Row(line, text, len(text), self._problem)
        return Row(line, value, len(text), "" if isinstance(value, dict) else "Not an object.")

    def _object(self, pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
            self._problem = f"{name} stands in it more than once."
        return found

    def _integer(self, digits: str) -> int | None:
        try:
            return int(digits)
        except ValueError:  # Python reads no more than some thousand digits
            self._problem = f"A number of {len(digits)} characters."
            return None

    def _number(self, digits: str) -> Decimal | None:
        try:
            return Decimal(digits)
        except InvalidOperation:
            self._constant(digits)
            return None

    def _constant(self, word: str) -> None:
        self._problem = f"{word} is no number."
