"""How far behind the relay is: what has not got its place yet, and what readers have not read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import Max, Min

from common.database import database_now
from common.events.models import Event, Reader, Sequencer
from common.events.reading import BROKER, WEBHOOKS
from common.observability.gauges import gauges

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from prometheus_client import Metric

MOST_COUNTED: Final = 10_000


@dataclass(frozen=True, slots=True)
class Backlog:
    """Events that wait for one step, and since when the first of them has been waiting."""

    count: int = 0
    since: datetime | None = None

    def age(self, now: datetime) -> float:
        """Seconds; 0 where nothing waits."""
        return max(0.0, (now - self.since).total_seconds()) if self.since else 0.0


def outbox() -> Iterable[Metric]:
    """Depth and age at every step of the way. A look at the end of an index, for each of them."""
    stages = {"unnumbered": unnumbered(), "undelivered": unread(WEBHOOKS)}
    if settings.EVENTS_BROKER_URL:
        stages["unpublished"] = unread(BROKER)
    now = database_now()
    yield gauges(
        "outbox_events",
        "Events that wait for the relay, by what it has not done yet.",
        "stage",
        {name: stage.count for name, stage in stages.items()},
    )
    yield gauges(
        "outbox_oldest_event_age_seconds",
        "Time since the first of the events that wait happened; 0 where none does.",
        "stage",
        {name: stage.age(now) for name, stage in stages.items()},
    )


def unnumbered() -> Backlog:
    """Committed events without a place in the feed.

    Of more than 10 000 the positions are not counted but subtracted: a few of them may have been
    taken in vain, or be still on their way.
    """
    waiting = Event.objects.filter(sequence=None).order_by("position")
    since = waiting.values_list("occurred_at", flat=True).first()
    count = waiting.values("position")[: MOST_COUNTED + 1].count()
    if count > MOST_COUNTED:
        ends = waiting.aggregate(first=Min("position"), last=Max("position"))
        count = ends["last"] - ends["first"] + 1
    return Backlog(count, since)


def unread(name: str) -> Backlog:
    """Events of the feed that a reader of ours has not come to: sequences have no gaps."""
    read = Reader.objects.filter(pk=name).values_list("sequence", flat=True).first()
    coming = Event.objects.filter(sequence__gt=read or 0).only("sequence", "occurred_at")
    first = coming.order_by("sequence").first()
    if first is None or first.sequence is None:
        return Backlog()
    last = Sequencer.objects.values_list("last", flat=True).first() or 0  # read after the first
    return Backlog(last - first.sequence + 1, first.occurred_at)
