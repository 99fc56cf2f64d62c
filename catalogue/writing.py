"""Writing documents: the newer state wins, whoever comes last."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from catalogue.engines import engine
from catalogue.models import Document
from common.database import database_now

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

KEPT_GONE: Final = timedelta(days=1)
"""Longer than anybody can be about to write a state from before the deletion."""


def keep(documents: Sequence[Document]) -> int:
    """Write these documents, but none over one that was made of a newer state; returns how many.

    One that says the same already is left as it is. ``popularity`` is not touched: a new document
    begins with none (``catalogue.popularity``). Locks: the documents written.
    """
    return engine.keep(documents) if documents else 0


def forget(product_ids: Collection[UUID]) -> int:
    """Delete the documents of products that are nowhere; returns how many there were."""
    return engine.forget(product_ids) if product_ids else 0


def forget_gone() -> int:
    """Delete the documents of products that were deleted more than a day ago; returns how many."""
    old = Document.objects.filter(is_gone=True, projected_at__lt=database_now() - KEPT_GONE)
    count, _ = old.delete()
    return count


def refresh_statistics() -> None:
    """Let the planner know of many new documents at once."""
    engine.refresh_statistics()
