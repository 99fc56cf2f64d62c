"""Documents in PostgreSQL, beside what they are made of."""

from __future__ import annotations

import json
from contextlib import nullcontext
from functools import cache
from typing import TYPE_CHECKING, Final

from django.core.serializers.json import DjangoJSONEncoder
from django.db import connections, models, router
from django.db.models.expressions import RawSQL

from catalogue.models import GIVEN_ONCE, NO_STATE, Document
from common.events.models import Reader

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from catalogue.models import DocumentQuerySet

READER: Final = "catalogue"
HAS_LOCKS: Final = True
HAS_WORDS: Final = False

UPSERT: Final = """
INSERT INTO {table} AS known ({columns})
SELECT {columns} FROM json_to_recordset(%s) AS new ({typed}) ORDER BY _id
ON CONFLICT (_id) DO UPDATE SET {assigned}
WHERE known.product_version <= excluded.product_version
  AND known.inventory_version <= excluded.inventory_version
  AND ({known}) IS DISTINCT FROM ({excluded})
"""
"""In the order of ids, so that two who write the same documents do not deadlock."""


def prepare() -> None:
    """Migrations have made everything."""


def is_built() -> bool:
    return Reader.objects.filter(pk=READER).exists()


def note_built() -> None:
    """The place in the feed tells it."""


def note_lost() -> None:
    """Likewise: it goes back together with the documents."""


def keep(documents: Sequence[Document]) -> int:
    """Locks: the documents written."""
    with connections[router.db_for_write(Document)].cursor() as cursor:
        cursor.execute(_upsert(), [json.dumps([_row(one) for one in documents], cls=_Encoder)])
        return int(cursor.rowcount)


def forget(product_ids: Collection[UUID]) -> int:
    count, _ = Document.objects.filter(pk__in=product_ids).delete()
    return count


def misplaced(_product_ids: Collection[UUID]) -> Iterator[tuple[UUID, object, object]]:
    """Nothing is kept beside the documents."""
    return iter(())


def refresh_statistics() -> None:
    """A role that may not is only warned by PostgreSQL."""
    with connections[router.db_for_write(Document)].cursor() as cursor:
        cursor.execute(f"ANALYZE {Document._meta.db_table}")  # noqa: SLF001  Django's API


def matching(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    match = RawSQL(
        "catalogue_document.search @@ products_search_query(%s)", [text], models.BooleanField()
    )
    return documents.filter(match)


def ranked(documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
    return documents.annotate(
        rank=RawSQL(
            "(ts_rank(catalogue_document.search, products_search_query(%s)) * 1e6)::int",
            [text],
            models.IntegerField(),
        )
    )


def in_stock_at(documents: DocumentQuerySet, location_id: UUID) -> DocumentQuerySet:
    return documents.filter(in_stock_at__contains=[str(location_id)])


def reached() -> AbstractContextManager[None]:
    """Errors of this database are known everywhere."""
    return nullcontext()


def seat() -> AbstractContextManager[None]:
    """Where this database hangs, nothing else can be served either."""
    return nullcontext()


def ask() -> None:
    """Whoever asks how late the documents are has asked this database already."""


class _Encoder(DjangoJSONEncoder):
    """Moments to the microsecond: Django's own encoder cuts them to what JavaScript has."""

    def default(self, value: object) -> object:
        return value.isoformat() if hasattr(value, "isoformat") else super().default(value)


def _row(document: Document) -> dict[str, object]:
    fields = Document._meta.concrete_fields  # noqa: SLF001  Django's API
    return {str(one.column): one.get_prep_value(getattr(document, one.attname)) for one in fields}


@cache
def _upsert() -> str:
    """The statement, from the columns of the model."""
    connection = connections[router.db_for_write(Document)]
    fields = Document._meta.concrete_fields  # noqa: SLF001  Django's API
    names = [str(field.column) for field in fields]
    brought = [str(field.column) for field in fields if field.attname not in GIVEN_ONCE]
    compared = [str(field.column) for field in fields if field.attname not in NO_STATE]
    return UPSERT.format(
        table=Document._meta.db_table,  # noqa: SLF001  likewise
        columns=", ".join(names),
        typed=", ".join(f"{field.column} {field.db_type(connection)}" for field in fields),
        assigned=", ".join(f"{name} = excluded.{name}" for name in brought),
        known=", ".join(f"known.{name}" for name in compared),
        excluded=", ".join(f"excluded.{name}" for name in compared),
    )
