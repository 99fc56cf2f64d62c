"""Which series a PromQL expression reads, and which labels it expects them to have.

Not a parser: it knows the words of PromQL, and takes every other name for a metric's. It knows as
much as our rules and dashboards use; what it does not know is an error, so that nothing is passed
over. Grouping stands before what is grouped: ``sum by (code) (...)``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

TOKEN = re.compile(
    r"""\s+
    | (?P<string>"(?:\\.|[^"\\])*")
    | (?P<range>\[[^\]]+\])
    | (?P<number>\d[\d.]*(?:[smhdwy]|e-?\d+)?)
    | (?P<name>[A-Za-z_:][\w:]*)
    | (?P<sign>=~|!~|!=|==|>=|<=|[-+*/(){},=<>])
    """,
    re.VERBOSE,
)
WORDS = {"and", "or", "unless", "bool", "offset"}
GROUPING = {"by"}
MATCHING = {"on"}


@dataclass(frozen=True)
class Series:
    """A metric as it is named in an expression, and the labels that are asked of it."""

    metric: str
    labels: frozenset[str] = field(default_factory=frozenset)


def series_of(expression: str) -> list[Series]:
    """All that the expression reads. Raises ValueError for what this module does not know."""
    return list(_read(_tokens(expression), frozenset()))


def _tokens(expression: str) -> list[str]:
    tokens, place = [], 0
    while place < len(expression):
        found = TOKEN.match(expression, place)
        if found is None:
            raise ValueError(f"{expression[place:]!r} in {expression!r}")
        if found[0].strip():
            tokens.append(found[0])
        place = found.end()
    return tokens


def _is_name(token: str) -> bool:
    return bool(re.fullmatch(r"[A-Za-z_:][\w:]*", token))


def _read(tokens: list[str], grouped_by: frozenset[str]) -> Iterator[Series]:
    place = 0
    while place < len(tokens):
        token = tokens[place]
        if token in GROUPING:
            labels, place = _enclosed(tokens, place + 1)
            inside, place = _enclosed(tokens, place)
            yield from _read(inside, grouped_by | _names(labels))
        elif token in MATCHING:
            labels, place = _enclosed(tokens, place + 1)
            if labels:
                raise ValueError("on() with labels is not known here")
        elif _is_name(token) and token not in WORDS and not _is_called(tokens, place):
            matched: frozenset[str] = frozenset()
            if tokens[place + 1 : place + 2] == ["{"]:
                inside, place = _enclosed(tokens, place + 1)
                matched = _names([name for name in inside if not name.startswith('"')])
            else:
                place += 1
            yield Series(token, grouped_by | matched)
        else:
            place += 1


def _is_called(tokens: list[str], place: int) -> bool:
    """A function or an aggregation, rather than a metric."""
    return tokens[place + 1 : place + 2] in (["("], ["by"])


def _enclosed(tokens: list[str], place: int) -> tuple[list[str], int]:
    """What stands between the bracket at this place and its partner, and the place after it."""
    if place >= len(tokens) or tokens[place] not in "({":
        raise ValueError(f"a bracket is missing after {tokens[:place]}")
    depth = 0
    for end in range(place, len(tokens)):
        depth += (tokens[end] in "({") - (tokens[end] in ")}")
        if depth == 0:
            return tokens[place + 1 : end], end + 1
    raise ValueError(f"a bracket is never closed: {tokens[place:]}")


def _names(tokens: list[str]) -> frozenset[str]:
    return frozenset(token for token in tokens if _is_name(token))
