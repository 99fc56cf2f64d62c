"""Query parameters: every one is known and used, or refused with its name (API.md §2)."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

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
PLAIN: Final = {"page": "page[number]", "size": "page[size]"}
"""How plain clients spell the parameters of a page, and how we do."""


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a collection: a numbered page, or what follows a cursor."""

    size: int = DEFAULT_SIZE
    number: int = 1
    after: str | None = None
    """The cursor; empty at the start of a walk, None for numbered pages."""
    number_parameter: str = "page[number]"
    """The parameter of the number as the client spells it."""


@dataclass(frozen=True, slots=True)
class Allowed:
    """What an endpoint understands."""

    includes: Collection[str] = ()
    fields: Mapping[str, Collection[str]] = field(default_factory=dict)
    filters: Collection[str] = ()
    """Names as ``price__gte``, sent as ``filter[price][gte]``."""
    sort: Collection[str] = ()
    own_parameters: Collection[str] = ()
    """Parameters that only this endpoint has."""
    is_collection: bool = False
    cursor_only: bool = False
    is_whole: bool = False
    """All of a collection in one answer: of paging there is ``page[after]`` alone."""
    plain_pages: bool = False
    """``page=2&size=10``: for plain clients."""


@dataclass(frozen=True, slots=True)
class Query:
    """The checked parameters of one request."""

    page: Page = Page()
    sort: tuple[str, ...] = ()
    filters: Mapping[str, str] = field(default_factory=dict)
    fields: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The only fields to be shown, of each type for which the client says so."""
    include: tuple[str, ...] = ()
    is_compound: bool = False
    """The client speaks of ``include``, if only to include nothing."""
    own_parameters: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Sent:
    """A parameter as the client spells it, and its value."""

    name: str
    value: str


@dataclass(slots=True)
class _Found:
    """What has been read so far."""

    pages: dict[str, _Sent] = field(default_factory=dict)
    filters: dict[str, str] = field(default_factory=dict)
    fields: dict[str, frozenset[str]] = field(default_factory=dict)
    sort: tuple[str, ...] = ()
    include: tuple[str, ...] | None = None
    own_parameters: dict[str, str] = field(default_factory=dict)


def read_query(query: QueryDict, allowed: Allowed) -> Query:
    """Check every parameter of a request; refuse the first that is unknown or senseless."""
    found = _Found()
    for name, values in query.lists():
        value = _single(name, values)
        if family := FAMILY.fullmatch(name):
            is_known = _take_member(found, name, family, value, allowed)
        else:
            is_known = _take_word(found, name, value, allowed, query)
        if not is_known:
            raise _unknown(name)
    return Query(
        page=_read_page(found.pages, allowed),
        sort=found.sort,
        filters=found.filters,
        fields=found.fields,
        include=found.include or (),
        is_compound=found.include is not None,
        own_parameters=found.own_parameters,
    )


def canonical(query: QueryDict) -> str:
    """The query of a plain client in the canonical spelling, for links."""
    return urlencode([(PLAIN.get(name, name), value) for name, value in query.items()])


def without_paging(query: QueryDict) -> dict[str, str]:
    """The parameters that every page of a collection has in common."""
    return {
        name: str(value)
        for name, value in query.items()
        if name not in PLAIN and not name.startswith("page[")
    }


def _single(name: str, values: list[Any]) -> str:
    if len(values) > 1:
        raise InvalidParameter("This parameter is given twice.", parameter=name)
    if not is_printable(values[0]):
        raise InvalidParameter("Control characters are not allowed.", parameter=name)
    return str(values[0])


def _unknown(name: str) -> UnknownParameter:
    return UnknownParameter(f"This endpoint has no parameter {name!r}.", parameter=name)


def _take_member(
    found: _Found, name: str, member: re.Match[str], value: str, allowed: Allowed
) -> bool:
    """Note ``page[...]``, ``filter[...]`` or ``fields[...]``; False when there is no such one."""
    family, part, operator = member.groups()
    if family == "fields" and not operator:
        found.fields[part] = _read_fields(name, part, value, allowed)
        return True
    if not allowed.is_collection:
        return False
    if family == "page" and not operator:
        found.pages[part] = _Sent(name, value)
        return True
    wanted = f"{part}__{operator}" if operator else part
    if family != "filter" or wanted not in allowed.filters or "__" in part:
        return False
    found.filters[wanted] = value
    if len(found.filters) > MAX_FILTERS:
        raise InvalidParameter(f"At most {MAX_FILTERS} filters.", parameter=name)
    return True


def _take_word(found: _Found, name: str, value: str, allowed: Allowed, query: QueryDict) -> bool:
    """Note a parameter without brackets; False when there is no such one."""
    match name:
        case "include":
            found.include = _read_include(value, allowed)
        case "sort" if allowed.is_collection:
            found.sort = _read_sort(value, allowed)
        case "page" | "size" if allowed.is_collection and allowed.plain_pages:
            if PLAIN[name] in query or "page[after]" in query:
                raise InvalidParameter(
                    f"Send {name!r} or the page[...] parameters, not both.", parameter=name
                )
            part = PLAIN[name].removeprefix("page[").removesuffix("]")
            found.pages[part] = _Sent(name, value)
        case _ if name in allowed.own_parameters:
            found.own_parameters[name] = value
        case _:
            return False
    return True


def _read_page(parts: Mapping[str, _Sent], allowed: Allowed) -> Page:
    known = {"size", "after"} if allowed.cursor_only else {"number", "size", "after"}
    if allowed.is_whole:
        known = {"after"}
    for part, sent in parts.items():
        if part not in known:
            raise _unknown(sent.name)
    if "number" in parts and "after" in parts:
        raise InvalidParameter(
            "page[after] and page[number] exclude each other.", parameter="page[after]"
        )
    number = parts.get("number", _Sent("page[number]", "1"))
    size = parts.get("size", _Sent("page[size]", str(DEFAULT_SIZE)))
    start = "" if allowed.cursor_only else None
    after = parts["after"].value if "after" in parts else start
    return Page(_number(size, MAX_SIZE), _number(number, 10**18), after, number.name)


def _number(sent: _Sent, maximum: int) -> int:
    if not DIGITS.fullmatch(sent.value) or not 1 <= int(sent.value) <= maximum:
        limit = f"a whole number from 1 to {maximum}" if maximum < 10**18 else "a page number"
        raise InvalidParameter(f"{sent.name} must be {limit}.", parameter=sent.name)
    return int(sent.value)


def _read_fields(name: str, resource_type: str, value: str, allowed: Allowed) -> frozenset[str]:
    known = allowed.fields.get(resource_type)
    if known is None:
        raise InvalidParameter(f"{resource_type!r} does not occur here.", parameter=name)
    wanted = frozenset(_listed(value))
    if unknown := wanted - set(known):
        raise InvalidParameter(f"{resource_type!r} has no field {min(unknown)!r}.", parameter=name)
    return wanted


def _listed(value: str) -> list[str]:
    """The names in a comma list; none when it is empty, and the empty one in ``a,,b``."""
    return value.split(",") if value else []


def _read_sort(value: str, allowed: Allowed) -> tuple[str, ...]:
    fields = tuple(value.split(","))
    for wanted in fields:
        if wanted.removeprefix("-") not in allowed.sort:
            choices = ", ".join(sorted(allowed.sort)) or "nothing"
            raise InvalidParameter(f"Can be sorted by {choices}.", parameter="sort")
    if len({wanted.removeprefix("-") for wanted in fields}) != len(fields):
        raise InvalidParameter("Each field sorts once.", parameter="sort")
    return fields


def _read_include(value: str, allowed: Allowed) -> tuple[str, ...]:
    paths = tuple(_listed(value))
    for path in paths:
        if path not in allowed.includes:
            choices = ", ".join(sorted(allowed.includes)) or "nothing"
            raise InvalidParameter(f"Can include {choices}.", parameter="include")
    return paths
