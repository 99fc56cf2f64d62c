"""Where rows come from: a file, standard input, or the former products database itself."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final, cast

import psycopg
from psycopg import sql

from inventory.management.legacy import rows
from inventory.management.legacy.problems import one_line
from inventory.management.legacy.rows import UnreadableDump

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from psycopg import Connection, Cursor

    from inventory.management.legacy.rows import Row

STANDARD_INPUT: Final = "-"
GZIP_MAGIC: Final = b"\x1f\x8b"
UTF_16: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
TABLE: Final = sql.Identifier("products")
DRIVER: Final = re.compile(r"^(postgres(?:ql)?)\+\w+(?=://)")
"""As SQLAlchemy writes addresses."""
SESSION: Final = (
    "SET default_transaction_read_only = on; SET statement_timeout = 0; SET datestyle = 'ISO, YMD';"
    " SET timezone = 'UTC'; SELECT set_config('client_encoding', CASE"
    " current_setting('server_encoding') WHEN 'SQL_ASCII' THEN 'SQL_ASCII' ELSE 'UTF8' END, false)"
)


@dataclass(frozen=True, slots=True)
class Source:
    """Rows of one kind, and how far they have been read: ``done()`` of ``total`` units."""

    rows: Iterator[Row]
    unit: str
    total: int | None
    done: Callable[[], int]


@contextmanager
def dump(path: str, columns: Sequence[str] = ()) -> Iterator[Source]:
    """A file in UTF-8, gzipped or not; ``-`` is standard input. Raises UnreadableDump."""
    with ExitStack() as at_end:
        if path == STANDARD_INPUT:
            raw, name, total = cast("io.BufferedReader", sys.stdin.buffer), "Standard input", None
        else:
            raw, name = at_end.enter_context(Path(path).open("rb")), path
            total = Path(path).stat().st_size
        is_zipped = raw.peek(2).startswith(GZIP_MAGIC)
        binary = gzip.GzipFile(fileobj=raw) if is_zipped else raw
        if binary.peek(4)[:4].startswith(UTF_16) or b"\0" in binary.peek(4)[:4]:
            raise UnreadableDump(f"{name} is UTF-16, it seems: write it in UTF-8.")
        # Bytes that are no UTF-8 become characters that the rules refuse, in that one row.
        text = io.TextIOWrapper(
            cast("IO[bytes]", binary), "utf-8-sig", "surrogateescape", newline=""
        )
        at_end.callback(text.detach)
        yield Source(rows.read(text, name, columns), "B", total, raw.tell if total else _nowhere)


@contextmanager
def products_table(dsn: str, columns: Sequence[str]) -> Iterator[Source]:
    """The table ``products`` of a PostgreSQL, in the order of its ids. Nothing is written there.

    Rows come as they are read: neither side holds more than a few. Raises UnreadableDump.
    """
    with _connected(dsn) as connection, connection.cursor() as cursor:
        total = _looked_at(cursor, columns)
        copying = sql.SQL("COPY (SELECT {} FROM {} ORDER BY id) TO STDOUT (FORMAT csv, HEADER)")
        names = sql.SQL(", ").join(map(sql.Identifier, columns))
        with cursor.copy(copying.format(names, TABLE)) as copy:
            # PostgreSQL sends row by row; the bytes of a database in SQL_ASCII may be any.
            lines = (bytes(line).decode("utf-8", "surrogateescape") for line in copy)
            counted = _Counted(rows.csv_rows(lines, "The table products", columns))
            yield Source(counted, " rows", total, lambda: counted.count)


def _connected(dsn: str) -> Connection:
    try:
        return psycopg.connect(DRIVER.sub(r"\1", dsn))
    except psycopg.Error as error:
        raise UnreadableDump(f"The former products database: {one_line(error)}") from error


def _looked_at(cursor: Cursor, columns: Sequence[str]) -> int:
    """How many rows the table has, with these columns. All that follows reads one snapshot."""
    try:
        cursor.execute(SESSION)
        cursor.connection.commit()
        cursor.execute(sql.SQL("SELECT * FROM {} LIMIT 0").format(TABLE))
        there = {column.name for column in cursor.description or ()}
        if missing := [column for column in columns if column not in there]:
            raise UnreadableDump(f"The table products lacks the columns {', '.join(missing)}.")
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(TABLE))
        return next(iter(cursor))[0]
    except psycopg.errors.UndefinedTable as error:
        raise UnreadableDump("The former products database has no table products.") from error
    except psycopg.Error as error:
        raise UnreadableDump(f"The former products database: {one_line(error)}") from error


class _Counted:
    """An iterator that knows how many it has given."""

    def __init__(self, given: Iterator[Row]) -> None:
        self._given = given
        self.count = 0

    def __iter__(self) -> Iterator[Row]:
        return self

    def __next__(self) -> Row:
        row = next(self._given)
        self.count += 1
        return row


def _nowhere() -> int:
    return 0
