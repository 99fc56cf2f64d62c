"""Forgetting events that have been kept for long enough."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Min
from django.db.models.functions import Now

from common.database import in_transaction
from common.events.models import Event, Reader
from common.events.reading import BROKER

if TYPE_CHECKING:
    from uuid import UUID


@in_transaction
def sweep_events(*, limit: int) -> int:
    """Delete at most ``limit`` events past their time, the oldest first, with their deliveries.

    Their time is EVENTS_KEPT_DAYS by the database's clock. One that a reader of ours has not come
    to yet stays until it has, however long the broker is away. Returns how many went.

    Locks: old events, skipping those of other sweepers (docs/locking.md).
    """
    kept_for = timedelta(days=settings.EVENTS_KEPT_DAYS)
    old = Event.objects.filter(pk__in=_oldest(limit), occurred_at__lt=Now() - kept_for)
    ids = list(old.select_for_update(skip_locked=True).values_list("pk", flat=True))
    Event.objects.filter(pk__in=ids).delete()
    return len(ids)


def _oldest(limit: int) -> list[UUID]:
    """The first events of the feed that every reader has read; its order is almost that of age."""
    done = Event.objects.exclude(sequence=None)
    readers = Reader.objects.all()
    if not settings.EVENTS_BROKER_URL:
        readers = readers.exclude(pk=BROKER)  # of a broker that is not there any more
    elif not readers.filter(pk=BROKER).exists():
        return []  # it has never been reached
    read = readers.aggregate(read=Min("sequence"))["read"]
    if read is not None:
        done = done.filter(sequence__lte=read)
    return list(done.order_by("sequence").values_list("pk", flat=True)[:limit])
