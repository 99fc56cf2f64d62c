"""The database backend of a replica; Django finds it by this module's name."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Final

import psycopg

from common.postgresql import base

if TYPE_CHECKING:
    from collections.abc import Iterator

STATEMENT_SECONDS: Final = 2.0
"""That PostgreSQL may work on one statement; then the primary is asked."""
PATIENCE_SECONDS: Final = 2.5
"""That a frozen replica can hold up who had asked it just before."""


class _Connection(psycopg.Connection[Any]):
    """Gives up a server that says nothing for so long, which no setting of libpq's does.

    A frozen server goes on taking what is sent to it, so there is no error to wait for.
    """

    patience = PATIENCE_SECONDS

    def wait(self, gen: Any, interval: float = 0.1, timeout: float | None = None) -> Any:
        try:
            return super().wait(gen, interval, self.patience if timeout is None else timeout)
        except psycopg.OperationalError as error:
            if error.sqlstate is None:  # it did not answer: should it still, that is for nobody
                self.close()
            raise


class DatabaseWrapper(base.DatabaseWrapper):
    """As for the primary, but nobody waits long for it."""

    Database: Any = SimpleNamespace(**{**vars(psycopg), "connect": _Connection.connect})

    @contextmanager
    def answering_within(self, seconds: float) -> Iterator[None]:
        """A statement of this block that takes longer is given up, and the connection with it."""
        self.ensure_connection()
        connection = self.connection
        connection.patience = seconds
        try:
            yield
        finally:
            connection.patience = PATIENCE_SECONDS
