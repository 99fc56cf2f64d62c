"""The large demo, committed for the tests of a module, and gone afterwards with every trace."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.db import connection

from common.people.models import AuditEntry

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def large_demo(**size: int) -> Iterator[None]:
    """With statistics and a visibility map as autovacuum keeps them."""
    call_command("seed_demo", **size, verbosity=0)
    try:
        _vacuum()
        yield
    finally:
        call_command("seed_demo", clear=True, verbosity=0)
        with connection.cursor() as cursor:  # clearing is in the trail, as it should be
            cursor.execute(f"TRUNCATE {AuditEntry._meta.db_table}")
        _vacuum()


def _vacuum() -> None:
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")
