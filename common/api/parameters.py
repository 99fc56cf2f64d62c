"""Query parameters: every one is known and used, or refused with its name (API.md §2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from common.api.errors import InvalidParameter, UnknownParameter
from common.api.fields import is_printable

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from django.http import QueryDict

DEFAULT_SIZE: Final = 10
MAX_SIZE: Final = 100
MAX_FILTERS: Final = 20
FAMILY: Final = re.compile(r"(page|filter|fields)\[([A-Za-z0-9_-]+)\](?:\[([a-z_]+)\])?")
DIGITS: Final = re.compile(r"[0-9]{1,18}", re.ASCII)


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a collection: a numbered page, or what follows a cursor."""

    size: int = DEFAULT_SIZE
    number: int = 1
    after: str | None = None
    """The cursor; empty at the start of a walk, None for numbered pages."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an endpoint understands."""

    includes: Collection[str] = ()
    fields: Mapping[str, Collection[str]] = field(default_factory=dict)
    filters: Collection[str] = ()
    """Names as ``price__gte``, sent as ``filter[price][gte]``."""
    sort: Collection[str] = ()
    is_collection: bool = False
    cursor_only: bool = False
    plain_pages: bool = False
    """``page=2&size=10``: for plain clients."""


@dataclass(frozen=True, slots=True)
class Query:
    """The checked parameters of one request."""

    page: Page = Page()
    sort: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    include: tuple[str, ...] = ()

    @property
    def is_search(self) -> bool:
        return "search" in self.filters


def read_query(query: QueryDict, allowed: Allowed) -> Query:
    """Check every parameter of a request; refuse the first that is unknown or senseless."""
    pages: dict[str, str] = {}
    filters: dict[str, str] = {}
    sort: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    for name, values in query.lists():
        value = _single(name, values)
        match _family(name), name:
            case (("page", part, None), _) if allowed.is_collection:
                pages[part] = value
            case (("filter", part, operator), _) if allowed.is_collection:
                filters[_filter_name(name, part, operator, allowed)] = value
            case (("fields", part, None), _):
                _check_fields(name, part, value, allowed)
            case (None, "sort") if allowed.is_collection:
                sort = _read_sort(value, allowed)
            case (None, "include"):
                include = _read_include(value, allowed)
            case (None, "page" | "size") if allowed.is_collection and allowed.plain_pages:
                pages[{"page": "number"}.get(name, name)] = _unless_twice(name, value, query)
            case _:
                raise UnknownParameter(
                    f"This endpoint has no parameter {name!r}.", parameter=name
                )
    if len(filters) > MAX_FILTERS:
        raise InvalidParameter(f"At most {MAX_FILTERS} filters.", parameter="filter")
    return Query(_read_page(pages, allowed), sort, filters, include)


def _single(name: str, values: list[Any]) -> str:
    if len(values) > 1:
        raise InvalidParameter("This parameter is given twice.", parameter=name)
    if not is_printable(values[0]):
        raise InvalidParameter("Control characters are not allowed.", parameter=name)
    return str(values[0])


def _family(name: str) -> tuple[str | Any, ...] | None:
    match = FAMILY.fullmatch(name)
    return match.groups() if match else None


def _unless_twice(name: str, value: str, query: QueryDict) -> str:
    canonical = {"page": "page[number]", "size": "page[size]"}[name]
    if canonical in query or "page[after]" in query:
        raise InvalidParameter(
            f"Send {name!r} or the page[...] parameters, not both.", parameter=name
        )
    return value


def _read_page(parts: Mapping[str, str], allowed: Allowed) -> Page:
    known = {"size", "after"} if allowed.cursor_only else {"number", "size", "after"}
    for part in parts:
        if part not in known:
            raise UnknownParameter(
                f"This endpoint has no parameter 'page[{part}]'.", parameter=f"page[{part}]"
            )
    if "number" in parts and "after" in parts:
        raise InvalidParameter(
            "page[after] and page[number] exclude each other.", parameter="page[after]"
        )
    after = parts.get("after", "" if allowed.cursor_only else None)
    size = _number("page[size]", parts.get("size", str(DEFAULT_SIZE)), MAX_SIZE)
    return Page(size, _number("page[number]", parts.get("number", "1"), 10**18), after)


def _number(name: str, text: str, maximum: int) -> int:
    if not DIGITS.fullmatch(text) or not 1 <= int(text) <= maximum:
        limit = f"a whole number from 1 to {maximum}" if maximum < 10**18 else "a page number"
        raise InvalidParameter(f"{name} must be {limit}.", parameter=name)
    return int(text)


def _filter_name(name: str, part: str, operator: str | None, allowed: Allowed) -> str:
    wanted = f"{part}__{operator}" if operator else part
    if wanted not in allowed.filters or "__" in part:
        raise UnknownParameter(f"This endpoint has no {name!r}.", parameter=name)
    return wanted


def _check_fields(name: str, resource_type: str, value: str, allowed: Allowed) -> None:
    known = allowed.fields.get(resource_type)
    if known is None:
        raise InvalidParameter(f"{resource_type!r} does not occur here.", parameter=name)
    for wanted in filter(None, value.split(",")):
        if wanted not in known:
            raise InvalidParameter(
                f"{resource_type!r} has no field {wanted!r}.", parameter=name
            )


def _read_sort(value: str, allowed: Allowed) -> tuple[str, ...]:
    fields = tuple(value.split(","))
    for wanted in fields:
        if wanted.removeprefix("-") not in allowed.sort:
            choices = ", ".join(sorted(allowed.sort)) or "nothing"
            raise InvalidParameter(f"Can be sorted by {choices}.", parameter="sort")
    return fields


def _read_include(value: str, allowed: Allowed) -> tuple[str, ...]:
    paths = tuple(filter(None, value.split(",")))
    for path in paths:
        if path not in allowed.includes:
            choices = ", ".join(sorted(allowed.includes)) or "nothing"
            raise InvalidParameter(f"Can include {choices}.", parameter="include")
    return paths
