"""Our own readers of the feed: each goes through the events in their order, by one process."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from common.events.models import Event, Reader

if TYPE_CHECKING:
    from django.db.models import QuerySet

BROKER: Final = "broker"
WEBHOOKS: Final = "webhooks"
NOTIFICATIONS: Final = "notifications"


def locked_reader(name: str) -> Reader | None:
    """The reader's row, locked until the transaction ends; None while another process has it.

    A new reader starts with the oldest event that is kept.
    """
    free = Reader.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=name)
    reader = free.first()
    if reader is None:
        Reader.objects.bulk_create([Reader(name=name)], ignore_conflicts=True)
        reader = free.first()
    return reader


def unread(reader: Reader, *, most: int) -> QuerySet[Event]:
    """The next events for this reader, at most so many, in their order."""
    later = Event.objects.filter(sequence__gt=reader.sequence)
    return later.order_by("sequence")[:most]


def has_unread(name: str) -> bool:
    """Whether there is anything for a reader; takes no lock, so that idleness costs little."""
    read = Reader.objects.filter(pk=name).values_list("sequence", flat=True).first()
    return Event.objects.filter(sequence__gt=read or 0).exists()


def move_on(reader: Reader, sequence: int) -> None:
    """The reader has dealt with everything up to here."""
    reader.sequence = sequence
    reader.save(update_fields=["sequence"])
