"""JSON Schemas of single values: attributes in answers, attributes in requests, filters."""

from __future__ import annotations

from functools import singledispatch
from typing import Any, Final

import django_filters
from django.db import models
from rest_framework import fields as drf
from rest_framework import serializers

from common.api import fields, filters
from common.api.openapi.components import Schema

CONTROLS: Final = r"\x00-\x08\x0b-\x1f\x7f-\x9f"
ANY_TEXT: Final = f"^[^{CONTROLS}]*$"
SOME_TEXT: Final = rf"^[^{CONTROLS}]*[^\s{CONTROLS}][^{CONTROLS}]*$"
MONEY_IN: Final = r"^(0*[1-9][0-9]{0,7}(\.[0-9]{1,2})?|0+\.(0[1-9]|[1-9][0-9]?))$"
MONEY_OUT: Final = r"^-?[0-9]+\.[0-9]{2}$"


def attribute(field: Any) -> Schema:
    """The schema of a serializer's field, null included where that is allowed."""
    schema = schema_of(field)
    if field.help_text:
        schema["description"] = str(field.help_text)
    if field.allow_null:
        schema = nullable(schema)
    return schema if field.default is drf.empty else schema | {"default": field.default}


def nullable(schema: Schema) -> Schema:
    """The same, or null."""
    if not isinstance(schema.get("type"), str):
        return {"anyOf": [schema, {"type": "null"}]}
    either = {**schema, "type": [schema["type"], "null"]}
    if "enum" in schema:
        either["enum"] = [*schema["enum"], None]
    return either


def text(pattern: str, longest: int | None = None) -> Schema:
    schema: Schema = {"type": "string", "pattern": pattern}
    return schema if longest is None else schema | {"maxLength": longest}


@singledispatch
def schema_of(field: Any) -> Schema:
    """The schema of what a field or filter takes or gives, null left aside."""
    raise TypeError(f"OpenAPI does not know {field!r}: register it in {__name__}.")


# In answers


@schema_of.register
def _(field: drf.CharField) -> Schema:
    length = {"maxLength": field.max_length} if field.max_length else {}
    return {"type": "string", **length}


@schema_of.register
def _(field: drf.ChoiceField) -> Schema:
    return {"type": "string", "enum": list(field.choices)}


@schema_of.register
def _(_field: drf.DictField) -> Schema:
    return {"type": "object", "additionalProperties": True}


@schema_of.register
def _(_field: drf.UUIDField) -> Schema:
    return {"type": "string", "format": "uuid"}


@schema_of.register
def _(_field: drf.DateTimeField) -> Schema:
    return {"type": "string", "format": "date-time"}


@schema_of.register
def _(_field: drf.DateField) -> Schema:
    return {"type": "string", "format": "date"}


@schema_of.register
def _(_field: drf.DecimalField) -> Schema:
    return {"type": "string", "pattern": MONEY_OUT}


@schema_of.register
def _(_field: drf.BooleanField) -> Schema:
    return {"type": "boolean"}


@schema_of.register
def _(field: drf.IntegerField) -> Schema:
    bounds = {"minimum": field.min_value, "maximum": field.max_value}
    known = {name: value for name, value in bounds.items() if value is not None}
    return {"type": "integer", "format": "int64", **known}


@schema_of.register
def _(field: drf.ModelField) -> Schema:
    """What DRF has no field for: a column that the database computes, in whole units here."""
    column = getattr(field.model_field, "output_field", None)
    if not isinstance(column, models.IntegerField):
        raise TypeError(f"OpenAPI knows computed columns of integers only, not {field!r}.")
    return {"type": "integer", "format": "int64"}


@schema_of.register
def _(field: drf.ListField) -> Schema:
    length = {"maxItems": field.max_length} if field.max_length else {}
    return {"type": "array", "items": attribute(field.child), **length}


@schema_of.register
def _(serializer: serializers.ListSerializer) -> Schema:
    return {"type": "array", "items": attribute(serializer.child)}


@schema_of.register
def _(serializer: serializers.Serializer) -> Schema:
    """An object inside an attribute."""
    properties = {name: attribute(one) for name, one in serializer.fields.items()}
    return {
        "type": "object",
        "properties": properties,
        "required": sorted(properties),
    }


# In requests


@schema_of.register
def _(field: fields.Objects) -> Schema:
    demanded = [name for name, one in field.inputs.items() if one.required]
    groups = [{"anyOf": [{"required": [name]} for name in names]} for names in field.alternatives]
    one: Schema = {
        "type": "object",
        "properties": {name: attribute(each) for name, each in field.inputs.items()},
        "required": demanded,
        "additionalProperties": False,
    }
    items = one | ({"allOf": groups} if groups else {})
    return {"type": "array", "items": items, "minItems": 1, "maxItems": field.max_length}


@schema_of.register
def _(_field: fields.Day) -> Schema:
    return {"type": "string", "format": "date"}


@schema_of.register
def _(field: fields.Text) -> Schema:
    pattern = ANY_TEXT if field.allow_blank else SOME_TEXT
    return text(pattern, field.max_length) | dict(field.documented)


@schema_of.register
def _(field: fields.Choice) -> Schema:
    return {"type": "string", "enum": list(field.choices)}


@schema_of.register
def _(_field: fields.Id) -> Schema:
    return {"type": "string", "format": "uuid"}


@schema_of.register
def _(field: fields.Integer) -> Schema:
    bounds = {"minimum": field.min_value, "maximum": field.max_value}
    return {"type": "integer", "format": "int64", **bounds}


@schema_of.register
def _(_field: fields.Boolean) -> Schema:
    return {"type": "boolean"}


@schema_of.register
def _(field: fields.Money) -> Schema:
    bounds = {"minimum": float(field.min_value or 0), "maximum": float(field.max_value or 0)}
    return {
        "description": "An amount with at most two decimals.",
        "anyOf": [{"type": "string", "pattern": MONEY_IN}, {"type": "number", **bounds}],
    }


# Filters


@schema_of.register
def _(filter_: django_filters.CharFilter) -> Schema:
    return text(SOME_TEXT, filter_.extra.get("max_length"))


@schema_of.register
def _(_filter: filters.OneOf) -> Schema:
    one = rf"[^,\s{CONTROLS}][^,{CONTROLS}]*"
    described = f"At most {filters.MOST_VALUES} values, with commas between them."
    return {"type": "string", "pattern": f"^{one}(,{one})*$", "description": described}


@schema_of.register
def _(_filter: django_filters.UUIDFilter) -> Schema:
    return {"type": "string", "format": "uuid"}


@schema_of.register
def _(filter_: django_filters.ChoiceFilter) -> Schema:
    return {"type": "string", "enum": [value for value, _ in filter_.extra["choices"]]}


@schema_of.register
def _(_filter: filters.Flag) -> Schema:
    return {"type": "boolean"}


@schema_of.register
def _(_filter: filters.Number) -> Schema:
    bounds = {"minimum": 1 - 10**18, "maximum": 10**18 - 1}
    return {"type": "number", "description": "Written without an exponent.", **bounds}


@schema_of.register
def _(_filter: filters.Day) -> Schema:
    return {"type": "string", "format": "date"}


@schema_of.register
def _(_filter: filters.Instant) -> Schema:
    return {"type": "string", "format": "date-time"}
