"""What each of the two databases does in its own way: PostgreSQL, or MongoDB where it is named.

Everything else about documents is one code for both, in Django's terms.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from django.db import OperationalError

from catalogue.routing import is_configured

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence
    from contextlib import AbstractContextManager
    from uuid import UUID

    from catalogue.models import Document, DocumentQuerySet


class EngineAway(OperationalError):
    """The database of the documents cannot be reached, or does not do what it was asked for."""

    @property
    def strerror(self) -> str:
        """What is told of it in the log."""
        return str(self)


class Engine(Protocol):
    """Both modules of this package have these."""

    READER: str
    """Who reads the feed for the documents there: they are made anew where nobody has."""
    HAS_LOCKS: bool
    """Whether whoever writes many documents can deadlock with another."""
    HAS_WORDS: bool
    """Whether documents bring their words along; else the database finds them by itself."""

    def prepare(self) -> None:
        """Make what is missing before documents are written; harmless where all is there."""

    def is_built(self) -> bool:
        """Whether all documents have been made there at some time."""

    def note_built(self) -> None:
        """All documents are there now."""

    def note_lost(self) -> None:
        """They are to be made anew, whatever is there."""

    def keep(self, documents: Sequence[Document]) -> int:
        """Write these documents, but none over one that was made of a newer state.

        One that says the same already is left as it is. Returns how many were written.
        """

    def forget(self, product_ids: Collection[UUID]) -> int:
        """Delete the documents of these products; returns how many there were."""

    def misplaced(self, product_ids: Collection[UUID]) -> Iterator[tuple[UUID, object, object]]:
        """What is kept beside the documents and differs from them: id, found, expected."""

    def refresh_statistics(self) -> None:
        """Let the planner know of many new documents at once."""

    def matching(self, documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
        """Those that hold every word of the text, the last one by its beginning."""

    def ranked(self, documents: DocumentQuerySet, text: str) -> DocumentQuerySet:
        """Each with its ``rank`` among those that match, a whole number."""

    def in_stock_at(self, documents: DocumentQuerySet, location_id: UUID) -> DocumentQuerySet:
        """Those of which units are available at this location."""

    def reached(self) -> AbstractContextManager[None]:
        """In this block its errors are EngineAway, whichever way they come."""

    def seat(self) -> AbstractContextManager[None]:
        """A place among the readers of this process; raises EngineAway where none is free."""

    def ask(self) -> None:
        """Raises EngineAway where the database does not answer soon."""


def _engine() -> Engine:
    if is_configured():
        from catalogue.engines import mongodb  # noqa: PLC0415  its packages are optional

        return mongodb
    from catalogue.engines import postgresql  # noqa: PLC0415  one or the other

    return postgresql


engine = _engine()
