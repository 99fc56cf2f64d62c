"""``filter[...]``: declared per resource with django-filter, refused in our words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, Self

import django_filters
from django import forms

from common.api.errors import InvalidParameter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.db.models import QuerySet


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
