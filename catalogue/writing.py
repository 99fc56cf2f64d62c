"""Writing documents: the newer state wins, whoever comes last. One statement of PostgreSQL's."""

from __future__ import annotations

import json
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, router
from django.db.models.functions import Now

from catalogue.models import Document

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

KEPT_GONE: Final = timedelta(days=1)
"""Longer than anybody can be about to write a state from before the deletion."""
OWN: Final = frozenset({"id", "popularity", "dice"})
"""Columns that a newer state does not bring along."""
NO_STATE: Final = OWN | {"projected_at"}

UPSERT: Final = """
INSERT INTO {table} AS known ({columns})
SELECT {columns} FROM json_to_recordset(%s) AS new ({typed}) ORDER BY id
ON CONFLICT (id) DO UPDATE SET {assigned}
WHERE known.product_version <= excluded.product_version
  AND known.inventory_version <= excluded.inventory_version
  AND ({known}) IS DISTINCT FROM ({excluded})
"""
"""In the order of ids, so that two who write the same documents do not deadlock."""


def keep(documents: Sequence[Document]) -> int:
    """Write these documents, but none over one that was made of a newer state; returns how many.

    One that says the same already is left as it is. ``popularity`` is not touched: a new document
    begins with none (``catalogue.popularity``). Locks: the documents written.
    """
    if not documents:
        return 0
    with connections[router.db_for_write(Document)].cursor() as cursor:
        cursor.execute(_upsert(), [json.dumps([_row(one) for one in documents], cls=_Encoder)])
        return int(cursor.rowcount)


def forget_gone() -> int:
    """Delete the documents of products that were deleted more than a day ago; returns how many."""
    old = Document.objects.filter(is_gone=True, projected_at__lt=Now() - KEPT_GONE)
    count, _ = old.delete()
    return count


def refresh_statistics() -> None:
    """Let the planner know of many new documents at once; a role that may not is only warned."""
    with connections[router.db_for_write(Document)].cursor() as cursor:
        cursor.execute(f"ANALYZE {Document._meta.db_table}")  # noqa: SLF001  Django's API


class _Encoder(DjangoJSONEncoder):
    """Moments to the microsecond: Django's own encoder cuts them to what JavaScript has."""

    def default(self, value: object) -> object:
        return value.isoformat() if hasattr(value, "isoformat") else super().default(value)


def _columns() -> Collection[str]:
    return [field.attname for field in Document._meta.concrete_fields]  # noqa: SLF001  Django's API


def _row(document: Document) -> dict[str, object]:
    return {name: getattr(document, name) for name in _columns()}


@cache
def _upsert() -> str:
    """The statement, from the columns of the model."""
    connection = connections[router.db_for_write(Document)]
    fields = Document._meta.concrete_fields  # noqa: SLF001  Django's API
    brought = [name for name in _columns() if name not in OWN]
    compared = [name for name in _columns() if name not in NO_STATE]
    return UPSERT.format(
        table=Document._meta.db_table,  # noqa: SLF001  likewise
        columns=", ".join(_columns()),
        typed=", ".join(f"{field.column} {field.db_type(connection)}" for field in fields),
        assigned=", ".join(f"{name} = excluded.{name}" for name in brought),
        known=", ".join(f"known.{name}" for name in compared),
        excluded=", ".join(f"excluded.{name}" for name in compared),
    )
