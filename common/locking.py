"""Locking reads that come before every sale: their SQL is made once, and brings the time along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.query import get_related_populators

from common.database import one_round_trip, preparing_cursor

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime
    from uuid import UUID

M = TypeVar("M", bound=models.Model)

WITH_THE_TIME: Final = """
WITH locked ({columns}) AS MATERIALIZED ({query})
SELECT clock_timestamp(), locked.* FROM (SELECT 1) AS always LEFT JOIN locked ON true
"""
"""The clock is read for each row after it was locked, and once where there is none."""


class IsOneOf(models.Func):
    """A column that has one of the ids which are given later: one parameter for all of them."""

    template = "%(expressions)s)"
    arg_joiner = " = ANY("
    output_field = models.BooleanField()

    def __init__(self, column: str) -> None:
        given = models.Value([], output_field=ArrayField(models.UUIDField()))
        super().__init__(models.F(column), given)


class LockingRead(Generic[M]):
    """A queryset that locks the rows of some ids, which are the only parameter of its SQL.

    Django would make the SQL anew for every sale, and take longer for it than PostgreSQL takes to
    answer.
    """

    def __init__(self, rows: models.QuerySet[M]) -> None:
        compiler = rows.query.get_compiler(rows.db)
        query, self._parameters = compiler.as_sql()
        columns = ", ".join(f"c{number}" for number, _ in enumerate(compiler.select))
        self._sql = WITH_THE_TIME.format(columns=columns, query=query)
        own: Any = compiler.klass_info
        first, *_, last = own["select_fields"]
        self._own_columns = slice(first, last + 1)
        self._names = [column[0].target.attname for column in compiler.select[self._own_columns]]
        self._related = get_related_populators(own, compiler.select, rows.db)  # type: ignore[call-arg]  # of 6.0
        self._model = rows.model
        self._db = rows.db

    def lock(self, ids: Collection[UUID]) -> tuple[list[M], datetime]:
        """The rows of these ids, locked until the transaction ends; and the time after that.

        In one round trip, together with the BEGIN of a transaction that begins here.
        """
        with preparing_cursor() as cursor:
            with one_round_trip():
                cursor.execute(self._sql, [list(ids)])
            found = cursor.fetchall()
        rows = [self._made(row[1:]) for row in found if row[1] is not None]
        return rows, found[-1][0]

    def _made(self, values: tuple[Any, ...]) -> M:
        row = self._model.from_db(self._db, self._names, values[self._own_columns])
        for related in self._related:
            related.populate(values, row)
        return row
