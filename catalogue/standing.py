"""How far the documents have come in the feed of events, and waiting for them to come further."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic, sleep
from typing import TYPE_CHECKING, Final

from django.db.models import OuterRef, Subquery

from catalogue.projecting import CATALOGUE
from common.events.models import Event, Reader, Sequencer

if TYPE_CHECKING:
    from datetime import datetime

LOOK_EVERY: Final = 0.025
"""Seconds. A look is one row by its key, in no transaction."""


@dataclass(frozen=True, slots=True)
class Standing:
    """Every event up to this sequence is in the documents; when the last of them happened.

    None where it is not known: nothing has happened, or too long ago for the feed to tell.
    """

    sequence: int
    occurred_at: datetime | None


def standing() -> Standing:
    """How far the documents have come at least. Read it first: what is read then is no older."""
    happened = Event.objects.filter(sequence=OuterRef("sequence")).values("occurred_at")[:1]
    readers = Reader.objects.filter(pk=CATALOGUE).annotate(at=Subquery(happened))
    return Standing(*(readers.values_list("sequence", "at").first() or (0, None)))


def has_come(sequence: int) -> bool:
    return sequence <= 0 or Reader.objects.filter(pk=CATALOGUE, sequence__gte=sequence).exists()


def last_given() -> int:
    """The sequence of the last event that has its place in the feed."""
    return Sequencer.objects.values_list("last", flat=True).first() or 0


def wait_for(sequence: int, *, patience: float) -> bool:
    """Wait until the documents show this event, for so many seconds; returns whether they do.

    Nothing is held in the database meanwhile but a connection that has no transaction.
    """
    give_up_at = monotonic() + patience
    while not has_come(sequence):
        if monotonic() >= give_up_at:
            return False
        sleep(LOOK_EVERY)
    return True
