"""Which database a query of Django's goes to."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS, connection

if TYPE_CHECKING:
    from collections.abc import Iterator

REPLICA: Final = "replica"

_may_lag: ContextVar[bool] = ContextVar("may_lag", default=False)


def is_configured() -> bool:
    return REPLICA in settings.DATABASES


@contextmanager
def reads_may_lag() -> Iterator[None]:
    """In this block, rows are read from the replica; never within a transaction of the primary."""
    token = _may_lag.set(True)
    try:
        yield
    finally:
        _may_lag.reset(token)


class Router:
    """Everything goes to the primary but reads that were let go.

    Rows remember where they came from, and Django would write them back there: so every question
    gets an answer.
    """

    def db_for_read(self, _model: Any, **_hints: Any) -> str:
        if _may_lag.get() and not connection.in_atomic_block:
            return REPLICA
        return DEFAULT_DB_ALIAS

    def db_for_write(self, _model: Any, **_hints: Any) -> str:
        return DEFAULT_DB_ALIAS

    def allow_relation(self, _one: Any, _other: Any, **_hints: Any) -> bool:
        return True  # both are the same rows

    def allow_migrate(self, db: str, _app_label: str, **_hints: Any) -> bool | None:
        return False if db == REPLICA else None
