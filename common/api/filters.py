"""``filter[...]``: declared per resource with django-filter, refused in our words."""

from __future__ import annotations

import re
from datetime import UTC
from typing import TYPE_CHECKING, Any, Final, Self

import django_filters
from django import forms

from common.api.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet


MOST_VALUES: Final = 100
DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class _NumberField(forms.DecimalField):
    def to_python(self, value: str | None) -> Any:
        if value and not NUMBER.fullmatch(value):
            raise forms.ValidationError("Send a number such as 9.99.")
        return super().to_python(value)


class Number(django_filters.NumberFilter):
    """A number that every column can be compared with, written as in JSON."""

    field_class = _NumberField

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, max_digits=24, decimal_places=6, **kwargs)


class _DayField(forms.DateField):
    def to_python(self, value: Any) -> Any:
        if value and not DAY.fullmatch(str(value)):
            raise forms.ValidationError("Send a date like 2026-11-21.")
        return super().to_python(value)


class Day(django_filters.DateFilter):
    """A date, written as in JSON."""

    field_class = _DayField


class _InstantField(django_filters.fields.IsoDateTimeField):
    def to_python(self, value: Any) -> Any:
        """In UTC: PostgreSQL does not take every offset that ISO 8601 has."""
        moment = super().to_python(value)
        try:
            return moment and moment.astimezone(UTC)
        except OverflowError as error:  # before the year 1, or after 9999
            raise forms.ValidationError("There is no such moment.") from error


class Instant(django_filters.IsoDateTimeFilter):
    """A moment, written as in JSON."""

    field_class = _InstantField


class _ListField(forms.CharField):
    def to_python(self, value: Any) -> Any:
        text = super().to_python(value)
        values = text.split(",") if text else []
        if len(values) > MOST_VALUES:
            raise forms.ValidationError(f"Send at most {MOST_VALUES} values.")
        if not all(map(str.strip, values)):
            raise forms.ValidationError("Send values with one comma between two.")
        return [one.strip() for one in values]


class OneOf(django_filters.CharFilter):
    """Any of some values, with commas between them."""

    field_class = _ListField


class Flag(django_filters.TypedChoiceFilter):
    """``true`` or ``false``, and nothing that is taken for one of them."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        choices = [("true", "true"), ("false", "false")]
        super().__init__(*args, choices=choices, coerce=lambda text: text == "true", **kwargs)


class Filters(django_filters.FilterSet):
    """The filters of one resource. A name like ``price__gte`` is sent as filter[price][gte]."""

    @classmethod
    def narrowed(cls, rows: QuerySet[Any], values: Mapping[str, str]) -> QuerySet[Any]:
        """The rows that match every given filter."""
        if not values:
            return rows
        for name, value in values.items():
            if not value.strip():
                raise InvalidParameter("A filter needs a value.", parameter=sent_name(name))
        wanted: Self = cls(data=dict(values), queryset=rows)
        if not wanted.is_valid():
            name, errors = next(iter(wanted.errors.items()))
            raise InvalidParameter(str(errors[0]), parameter=sent_name(name))
        return wanted.qs


def sent_name(name: str) -> str:
    """``price__gte`` as the client wrote it: ``filter[price][gte]``."""
    attribute, _, operator = name.partition("__")
    return f"filter[{attribute}][{operator}]" if operator else f"filter[{attribute}]"
