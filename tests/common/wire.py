"""What really goes to PostgreSQL and back: libpq's own record of a connection's messages."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Any

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True)
class Wire:
    """Ask it after the block."""

    statements: int = 0
    """What was sent to be executed, BEGIN and COMMIT included."""
    round_trips: int = 0
    """How often the server said that it has done all of that. (A BEGIN that goes along with the
    first statement says so by itself, though nobody waits for it.)"""


@contextmanager
def watched() -> Iterator[Wire]:
    """The messages of this thread's connection in this block."""
    connection.ensure_connection()
    used: Any = connection
    wire, pgconn = Wire(), used.connection.pgconn
    with TemporaryFile("w+") as file:
        pgconn.trace(file.fileno())
        try:
            yield wire
        finally:
            pgconn.untrace()
            file.seek(0)
            for line in file:
                _read(wire, line)


def _read(wire: Wire, line: str) -> None:
    match line.rstrip("\n").split("\t"):
        case [_, "F", _, "Query" | "Execute", *_]:
            wire.statements += 1
        case [_, "B", _, "ReadyForQuery", *_]:
            wire.round_trips += 1
        case _:
            pass
