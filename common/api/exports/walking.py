"""The rows of an export, found piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.fields import ArrayField
from django.db.models import F, Func, IntegerField, Sum, TextField, Value, Window
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan
from django.db.models.functions import Cast, Coalesce

from common.replica.reading import tolerating_lag

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from django.db.models import QuerySet

    from common.api.exports.columns import Column
    from common.api.exports.forms import Form

FIRST_ROWS: Final = 100
FEWEST_ROWS: Final = 10
MOST_ROWS: Final = 2_000
PIECE_BYTES: Final = 2**19
"""What a piece should have; rows may be small, or bear a text of a megabyte. The row that goes
beyond it is a piece's last, whatever the rows before were like.
"""


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows, written; or what stands before them."""

    content: bytes
    rows: int = 0


@dataclass(frozen=True, slots=True)
class Walk:
    """The way through the rows, for this user, in an ascending order that ends with the key."""

    user: Any
    rows: QuerySet[Any]
    order: Sequence[str]
    columns: Sequence[Column]

    def pieces(self, form: Form, place: Sequence[Any] | None) -> Iterator[Piece]:
        """Everything behind the place, or from the beginning; one query for each piece."""
        head = form.head(self.columns)
        size = FIRST_ROWS
        while True:
            found = self._next(place, size)
            content = head + form.rows(self.columns, self._in_columns(found))
            yield Piece(content, len(found))
            if len(found) < size and len(content) < PIECE_BYTES:  # not because it was full
                return
            head = b""
            place = found[-1][: len(self.order)]
            size = fitting(len(found), len(content))

    def _next(self, place: Sequence[Any] | None, size: int) -> list[Any]:
        """The next rows, read where lists are read; each begins with its place."""
        rows = self.rows
        if place is not None:  # a comparison of rows, so that PostgreSQL starts there in an index
            rows = rows.filter(TupleGreaterThan(Tuple(*map(F, self.order)), tuple(place)))
        next_rows = rows.order_by(*self.order)
        wanted = self._within_bytes(next_rows[:size]) if self._long else next_rows[:size]
        return tolerating_lag(self.user, lambda: list(wanted.values_list(*self._selected)))

    def _within_bytes(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """Of these rows, those before which there is less than a piece in their long columns.

        PostgreSQL knows the length of a long text without reading it.
        """
        own = sum(map(octets, self._long), Value(0))
        up_to = Window(Sum(own), order_by=[F(name) for name in self.order])
        chosen = rows.model.objects.filter(pk__in=rows.values("pk"))
        measured = chosen.annotate(bytes_up_to=up_to).filter(bytes_up_to__lt=own + PIECE_BYTES)
        return measured.order_by(*self.order)

    @property
    def _long(self) -> list[str]:
        """The columns of which a row may have any number of bytes."""
        sources = {column.source for column in self.columns}
        fields = self.rows.model._meta.concrete_fields  # noqa: SLF001  Django's documented API
        return [one.name for one in fields if one.name in sources and is_long(one)]

    @property
    def _selected(self) -> list[str]:
        return list(dict.fromkeys([*self.order, *(column.source for column in self.columns)]))

    def _in_columns(self, found: list[Any]) -> list[Any]:
        sources = [column.source for column in self.columns]
        if sources == self._selected or not found:
            return found
        places = [self._selected.index(source) for source in sources]
        return [[row[place] for place in places] for row in found]


def fitting(size: int, sent: int) -> int:
    """How many rows the next piece should have, where ``size`` rows had so many bytes."""
    return max(FEWEST_ROWS, min(size * PIECE_BYTES // max(sent, 1), 2 * size, MOST_ROWS))


def is_long(field: Any) -> bool:
    """Whether the database sets no limit to its values that 2 000 rows could have."""
    return isinstance(field, ArrayField) or (
        isinstance(field, TextField) and field.max_length is None
    )


def octets(column: str) -> Any:
    """How many bytes the value has as text."""
    text = Cast(column, TextField())
    return Coalesce(Func(text, function="octet_length", output_field=IntegerField()), 0)
