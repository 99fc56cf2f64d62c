"""Rows in COPY's binary form: neither side has to write figures out as text and read them back."""

from __future__ import annotations

from itertools import islice
from struct import Struct
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from inventory.management.demo.watching import Bar

SIGNATURE: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
END: Final = b"\xff\xff"
ROWS_AT_ONCE: Final = 500
NULL: Final = b"\xff\xff\xff\xff"
YEAR_2000: Final = 946_684_800_000
"""PostgreSQL's zero of time, in the milliseconds of everybody else's."""
TEXT: Final = 25
"""The number of PostgreSQL's type text."""

LENGTH: Final = Struct(">i")
NUMBER: Final = Struct(">ii")
ARRAY: Final = Struct(">iii")
DIMENSION: Final = Struct(">ii")
NUMERIC: Final = Struct(">ihhhhhh")
SCATTER: Final = 0x9E3779B97F4A7C15
"""Odd, so that multiplying by it modulo a power of two maps no two numbers to the same one."""
LOW_BITS: Final = (1 << 62) - 1


def copy(table: str, columns: Sequence[str], rows: Iterable[bytes], bar: Bar) -> None:
    """Write rows to a table that was truncated in this transaction.

    They are written frozen, as if VACUUM had been there already.
    """
    statement = f"COPY {table} ({', '.join(columns)}) FROM STDIN (FORMAT BINARY, FREEZE)"
    remaining = iter(rows)
    with (
        connection.cursor() as cursor,
        connection.wrap_database_errors,
        cursor.copy(statement) as sink,
    ):
        sink.write(SIGNATURE)
        while batch := list(islice(remaining, ROWS_AT_ONCE)):
            sink.write(b"".join(batch))
            bar.update(len(batch))
        sink.write(END)


def identity(moment: int, number: int) -> tuple[int, int]:
    """The two halves of a UUIDv7 of a millisecond; its other bits are the number's, scattered."""
    scattered = number * SCATTER
    return moment << 16 | 0x7000 | scattered >> 50 & 0xFFF, 1 << 63 | scattered & LOW_BITS


def microseconds(moment: int) -> int:
    """A moment in milliseconds, as PostgreSQL keeps it."""
    return (moment - YEAR_2000) * 1_000


def text(value: str) -> bytes:
    encoded = value.encode()
    return LENGTH.pack(len(encoded)) + encoded


def small_number(value: int | None) -> bytes:
    """A number of four bytes, or none."""
    return NULL if value is None else NUMBER.pack(4, value)


def price(cents: int) -> bytes:
    """An amount below 10 000, in digits to the base of 10 000: one before the point, one after."""
    return NUMERIC.pack(12, 2, 0, 0, 2, cents // 100, cents % 100 * 100)


def uuid(value: UUID) -> bytes:
    return LENGTH.pack(16) + value.bytes


def texts(values: Sequence[str]) -> bytes:
    """An array of texts."""
    if not values:
        return LENGTH.pack(12) + ARRAY.pack(0, 0, TEXT)
    content = ARRAY.pack(1, 0, TEXT) + DIMENSION.pack(len(values), 1)
    content += b"".join(text(value) for value in values)
    return LENGTH.pack(len(content)) + content
