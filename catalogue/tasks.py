"""The catalogue in the background."""

from __future__ import annotations

from celery import shared_task

from catalogue.models import Document
from catalogue.popularity import refresh_popularity as refresh
from catalogue.rebuilding import pieces
from catalogue.writing import forget_gone


@shared_task(  # type: ignore[untyped-decorator]  # Celery ships no types
    soft_time_limit=1_500, time_limit=1_560
)
def refresh_popularity(**_unknown: object) -> int:
    """Every night, when the day before has been summed up: how often each product was sold.

    Forgets the documents of products deleted days ago, too. Safe to run twice, to overlap and to
    be killed. Extra keyword arguments from a newer publisher are ignored. Returns how many
    documents changed.
    """
    forget_gone()
    return sum(refresh(ids) for ids in pieces(Document.objects.shown()))
