"""The spans of statements, of what is sent together, and of commits."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from django.db import Error

from common.observability import tracing

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

LONGEST: Final = 2_000
"""Characters of a statement that a span tells."""
TARGET: Final = re.compile(
    r"\b(?P<verb>INSERT\s+INTO|UPDATE|DELETE\s+FROM|FROM)\s+(?:ONLY\s+)?\"?(?P<table>\w+_\w+)"
)
POSTGRESQL: Final = {"db.system.name": "postgresql"}


def traced(
    execute: Callable[..., Any], sql: Any, params: Any, many: Any, context: dict[str, Any]
) -> Any:
    """Run a statement inside a span: its text with placeholders, never what is put in their place.

    In a block of statements that are sent together it ends when the statement is on its way; the
    span around the block waits for the answers.
    """
    if not tracing.is_recording():
        return execute(sql, params, many, context)
    text = sql if isinstance(sql, str) else ""
    about = POSTGRESQL | {"db.query.text": text.strip()[:LONGEST]}
    with tracing.within(name_of(text), "client", about) as span:
        try:
            return execute(sql, params, many, context)
        except Error as error:
            span.note({"db.response.status_code": getattr(error.__cause__, "sqlstate", None)})
            raise


def around(name: str) -> AbstractContextManager[tracing.Span]:
    """A span for what is no statement of its own: ``COMMIT``, or several sent together."""
    return tracing.within(name, "client", POSTGRESQL)


@lru_cache(maxsize=512)
def name_of(sql: str) -> str:
    """What is done to which table, such as ``UPDATE inventory_stocklevel``, to read a trace by.

    Of a statement with several tables the first that is written, or else read.
    """
    found = [(one["verb"].split()[0], one["table"]) for one in TARGET.finditer(sql)]
    written = [one for one in found if one[0] != "FROM"]
    if written:
        return " ".join(written[0])
    first = sql.split(None, 1)[0].upper() if sql.strip() else "SQL"
    if not found:
        return first
    return f"{'SELECT' if first == 'WITH' else first} {found[0][1]}"
