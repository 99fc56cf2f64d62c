"""The columns of an export: what the resource's serializer shows, and how each value is written.

Values come as PostgreSQL gave them. To write a column at once costs a tenth of what DRF takes to
ask every row for every field.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from rest_framework import fields as drf

from common.api.resources import shape_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from datetime import datetime

    Written = Callable[[Any], Any]

AS_THEY_ARE: Final = (
    drf.CharField,
    drf.ChoiceField,
    drf.IntegerField,
    drf.ListField,
    drf.ModelField,  # a column that the database computes
)


@dataclass(frozen=True, slots=True)
class Column:
    """A value of every row: its name, where the query finds it, and the field that describes it."""

    name: str
    source: str
    field: Any
    written: Written | None
    """Makes text of a value that is not null; None where the value is written as it is."""

    def values(self, found: Iterable[Any]) -> Iterable[Any]:
        """The values of some rows, as they are written."""
        written = self.written
        if written is None:
            return found
        return [None if value is None else written(value) for value in found]


def columns_of(serializer_class: Any, joined: Mapping[str, Any]) -> dict[str, Column]:
    """By name, in the order in which they are written: the id, attributes, what is ``joined``."""
    fields = {"id": drf.UUIDField(source="pk"), **shape_of(serializer_class).attributes, **joined}
    return {
        name: Column(name, (one.source or name).replace(".", "__"), one, _written(one))
        for name, one in fields.items()
    }


def _written(field: Any) -> Written | None:
    if isinstance(field, drf.DateTimeField):
        return instant
    if isinstance(field, drf.UUIDField | drf.DecimalField):
        return str
    if isinstance(field, AS_THEY_ARE):
        return None
    raise TypeError(f"An export does not know how {field!r} is written: say it in {__name__}.")


def instant(moment: datetime) -> str:
    """As DRF writes a moment of UTC, which is what comes from the database."""
    return moment.isoformat().removesuffix("+00:00") + "Z"
