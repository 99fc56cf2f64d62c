"""Giving committed events their place in the one order that everybody sees."""

from __future__ import annotations

from typing import Final

from django.db import connection

from common.database import in_transaction
from common.events.models import Event, Sequencer

MOST: Final = 1_000

NUMBER: Final = """
WITH committed AS (
    SELECT id, row_number() OVER (ORDER BY position) AS place
    FROM events_event WHERE sequence IS NULL ORDER BY position LIMIT %(most)s
), numbered AS (
    UPDATE events_event SET sequence = %(last)s + place
    FROM committed WHERE events_event.id = committed.id
    RETURNING sequence
)
UPDATE events_sequencer SET last = last + (SELECT count(*) FROM numbered)
RETURNING last
"""


def number_events(*, most: int = MOST) -> int:
    """Give the oldest committed events without a sequence the next ones; returns how many.

    A sequence is given after the commit, by one caller at a time: what a reader finds at or
    below a sequence never changes, and nothing appears there later. Whoever commits later gets a
    higher one. ``position`` was taken under the locks of what an event is about, so the events
    of one product, reservation or batch keep the order in which they happened (RULES E2).

    Does nothing while another caller is at it, or where there is nothing to do.
    """
    if not Event.objects.filter(sequence=None).exists():
        return 0
    return _number(most)


@in_transaction
def _number(most: int) -> int:
    """Locks: the sequencer, unless somebody has it (docs/locking.md)."""
    if not Sequencer.objects.exists():
        Sequencer.objects.bulk_create([Sequencer()], ignore_conflicts=True)
    sequencer = Sequencer.objects.select_for_update(skip_locked=True).first()
    if sequencer is None:
        return 0
    with connection.cursor() as cursor:  # a statement of its own: it sees what the lock waited for
        cursor.execute(NUMBER, {"most": most, "last": sequencer.last})
        (last,) = cursor.fetchone()
    return int(last) - sequencer.last
