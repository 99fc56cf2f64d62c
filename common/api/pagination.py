"""Pages of a collection: numbered near the start, by cursor anywhere (API.md §2)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.core.signing import BadSignature, Signer
from django.db import connections
from django.db.models import F, Q
from django.db.models.fields.tuple_lookups import Tuple, TupleGreaterThan, TupleLessThan

from common.api.errors import InvalidParameter
from common.database import estimated

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.db.models import Model, QuerySet

    from common.api.parameters import Page

EXACT_UP_TO: Final = 10_000
SURELY_MANY: Final = 2 * EXACT_UP_TO
"""From here on the planner's estimate alone tells that an exact count would be too large."""
FAR: Final = 100
"""Past so many rows a numbered page is found by its ids first."""

signer = Signer(salt="common.api.pagination")


@dataclass(frozen=True, slots=True)
class Paged:
    """The rows of one page and what the document says about its place."""

    rows: Sequence[Any]
    meta: dict[str, Any]
    links: dict[str, str]


def paginate(
    rows: QuerySet[Any],
    page: Page,
    ordering: Sequence[str],
    *,
    url: str,
    query: dict[str, str],
    is_endless: bool = False,
) -> Paged:
    """One page of ``rows`` in the given order; the primary key decides between equals.

    ``url`` and ``query`` (the request's parameters without those of paging) make the links. What
    is endless has a next page always: where there is none yet, the place to ask again.
    """
    order = stable(ordering)
    address = _Address(url, query, page.size)
    if page.after is None:
        return _numbered(rows, page, order, address)
    paged = _after_cursor(rows, page, order, address)
    if is_endless and "next" not in paged.links:
        reached = _cursor(paged.rows[-1], order) if paged.rows else page.after
        paged.links["next"] = address.after(reached)
    return paged


def stable(ordering: Sequence[str]) -> tuple[str, ...]:
    """The ordering with the primary key behind it, in the direction of the first field.

    So one index on (field, id) serves both directions.
    """
    if any(name.removeprefix("-") == "pk" for name in ordering):
        return tuple(ordering)
    direction = "-" if ordering and ordering[0].startswith("-") else ""
    return (*ordering, f"{direction}pk")


@dataclass(frozen=True, slots=True)
class _Address:
    url: str
    query: dict[str, str]
    size: int

    def number(self, number: int) -> str:
        return self._with({"page[number]": str(number), "page[size]": str(self.size)})

    def after(self, cursor: str) -> str:
        return self._with({"page[after]": cursor, "page[size]": str(self.size)})

    def _with(self, page: dict[str, str]) -> str:
        return f"{self.url}?{urlencode(self.query | page)}"


def _numbered(rows: QuerySet[Any], page: Page, order: Sequence[str], address: _Address) -> Paged:
    start = (page.number - 1) * page.size
    if start >= EXACT_UP_TO:
        raise InvalidParameter(
            f"Pages end at row {EXACT_UP_TO}; walk on with page[after] (start with an empty one).",
            parameter=page.number_parameter,
        )
    found = rows_between(rows, order, start, start + page.size + 1)
    shown, has_more = found[: page.size], len(found) > page.size
    total, is_exact = counted(rows, start, found, page.size)
    meta: dict[str, Any] = {"number": page.number, "size": page.size, "total": total}
    if not is_exact:
        meta["total_is_estimate"] = True
    links = {"first": address.number(1)}
    if page.number > 1:
        links["prev"] = address.number(page.number - 1)
    if has_more and start + page.size < EXACT_UP_TO:
        links["next"] = address.number(page.number + 1)
    elif has_more:
        links["next"] = address.after(_cursor(shown[-1], order))
    if is_exact:  # then the last page does not start beyond the numbered ones
        links["last"] = address.number(max(1, -(-total // page.size)))
    return Paged(shown, {"page": meta}, links)


def rows_between(rows: QuerySet[Any], order: Sequence[str], start: int, stop: int) -> list[Any]:
    """Far from the start, PostgreSQL skips ids in an index and reads the rows of the page alone."""
    has_no_ids = rows.query.annotations  # what is computed for each row is in no index
    if start < FAR or has_no_ids or not _is_postgresql(rows):
        return list(rows.order_by(*order)[start:stop])
    ids = rows.order_by(*order).values("pk")[start:stop]
    return list(rows.filter(pk__in=ids).order_by(*order))


def counted(rows: QuerySet[Any], start: int, found: Sequence[Any], size: int) -> tuple[int, bool]:
    """How many rows there are, and whether that is exact.

    What a search found brings its number along, and a last page tells it without a count. Exact
    up to 10 000; past that the planner's estimate, because counting a million rows costs more
    than the page itself.
    """
    if "number_found" in rows.query.annotations:
        return _number_found(rows)
    if len(found) <= size and (found or start == 0):
        return start + len(found), True
    estimate = estimated(rows)
    if estimate < SURELY_MANY:
        counted = rows.order_by()[: EXACT_UP_TO + 1].count()
        if counted <= EXACT_UP_TO:
            return counted, True
    return max(estimate, EXACT_UP_TO + 1), False


def _number_found(rows: QuerySet[Any]) -> tuple[int, bool]:
    """As the search says it, which may have left some out: on an empty page no row could."""
    told: dict[str, Any] = rows.query.annotations
    return told["number_found"].value, not told["are_left_out"].value


def _after_cursor(
    rows: QuerySet[Any], page: Page, order: Sequence[str], address: _Address
) -> Paged:
    if page.after:
        rows = rows.filter(_beyond(rows, order, _place(page.after, order)))
    found = list(rows.order_by(*order)[: page.size + 1])
    shown = found[: page.size]
    links = {"first": address.after("")}
    if len(found) > page.size:
        links["next"] = address.after(_cursor(shown[-1], order))
    return Paged(shown, {"page": {"size": page.size}}, links)


def _is_postgresql(rows: QuerySet[Any]) -> bool:
    return connections[rows.db].vendor == "postgresql"


def _cursor(row: Model, order: Iterable[str]) -> str:
    """Where a row stands in the order, as a token that only we can make."""
    values = [str(getattr(row, name.removeprefix("-"))) for name in order]
    return signer.sign_object([list(order), values])


def _place(cursor: str, order: Sequence[str]) -> list[str]:
    try:
        cursor_order, values = signer.unsign_object(cursor)
    except (BadSignature, ValueError) as error:
        raise _bad_cursor("This cursor was not made here.") from error
    if cursor_order != list(order):
        raise _bad_cursor("This cursor belongs to another sort order.")
    return list(values)


def _bad_cursor(reason: str) -> InvalidParameter:
    return InvalidParameter(
        f"{reason} Take it from links.next; an empty page[after] starts anew.",
        parameter="page[after]",
    )


def _beyond(rows: QuerySet[Any], order: Sequence[str], place: Sequence[str]) -> Any:
    """The rows that come after the place.

    Where all fields go in one direction, as a comparison of rows: the one form in which
    PostgreSQL starts at the place in an index, however many rows are equal in the first field.
    MongoDB knows no such comparison, and merges what it finds by each part of a disjunction.
    """
    is_postgresql = _is_postgresql(rows)
    if not is_postgresql or len({name.startswith("-") for name in order}) > 1:
        return _beyond_field_by_field(order, place, is_bounded=is_postgresql)
    compared = TupleLessThan if order[0].startswith("-") else TupleGreaterThan
    return compared(Tuple(*(F(name.removeprefix("-")) for name in order)), tuple(place))


def _beyond_field_by_field(order: Sequence[str], place: Sequence[str], *, is_bounded: bool) -> Q:
    """Further in the first field, or equal in it and …

    A bound on the first field alone is redundant, and lets PostgreSQL start in the index.
    """
    first, value = order[0], place[0]
    name = first.removeprefix("-")
    condition = _further(first, value)
    if len(order) > 1:
        rest = _beyond_field_by_field(order[1:], place[1:], is_bounded=is_bounded)
        condition |= Q(**{name: value}) & rest
        reached = "lte" if first.startswith("-") else "gte"
        if is_bounded:
            condition &= Q(**{f"{name}__{reached}": value})
    return condition


def _further(name: str, value: str) -> Q:
    if name.startswith("-"):
        return Q(**{f"{name[1:]}__lt": value})
    return Q(**{f"{name}__gt": value})
