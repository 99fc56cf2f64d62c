"""What can end a run before its end, in a sentence for whoever started it.

A mistake of ours is none of it: that stays a traceback.
"""

from __future__ import annotations

import gzip
import signal
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from django.core.management.base import CommandError
from django.db import InterfaceError, OperationalError, ProgrammingError

from common.database import sqlstate
from common.errors import DomainError
from inventory.management.legacy.rows import UnreadableDump

if TYPE_CHECKING:
    from collections.abc import Iterator

AGAIN: Final = "Run it again: it goes on where it stopped."
INTERRUPTED: Final = 128 + signal.SIGINT
UNDEFINED_COLUMN: Final = "42703"
UNDEFINED_TABLE: Final = "42P01"


@contextmanager
def told(*, is_applied: bool) -> Iterator[None]:
    """Raise CommandError for what the operator can do something about."""
    try:
        with _database_told(), _dump_told():
            yield
    except KeyboardInterrupt as pressed:
        rest = AGAIN if is_applied else "Nothing was written; run it again when you like."
        raise CommandError(f"Interrupted. {rest}", returncode=INTERRUPTED) from pressed
    except DomainError as refusal:
        raise CommandError(refusal.detail) from refusal


@contextmanager
def _database_told() -> Iterator[None]:
    try:
        yield
    except (psycopg.OperationalError, OperationalError, InterfaceError) as error:
        raise CommandError(f"{one_line(error)}\n{AGAIN}") from error
    except psycopg.Error as error:
        raise CommandError(one_line(error)) from error
    except ProgrammingError as error:
        if sqlstate(error) not in {UNDEFINED_COLUMN, UNDEFINED_TABLE}:
            raise
        advice = "Stockroom's own database lacks tables or columns: run manage.py migrate first."
        raise CommandError(advice) from error


@contextmanager
def _dump_told() -> Iterator[None]:
    try:
        yield
    except UnreadableDump as problem:
        raise CommandError(str(problem)) from problem
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise CommandError(f"A gzipped dump is cut off or damaged: {error}") from error
    except OSError as error:
        what = error.strerror or str(error)
        raise CommandError(f"{error.filename}: {what}" if error.filename else what) from error


def one_line(error: Exception) -> str:
    """What PostgreSQL says, without the statement that it says it of."""
    told_by_server = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return told_by_server or " ".join(str(error).split())


def counted(count: int, noun: str) -> str:
    """``1 row``, ``2 rows``."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"
