"""From the feed to notifications: who is told of which event, and when."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime, time, timedelta
from typing import TYPE_CHECKING, Final

from django.contrib.auth.models import User
from django.db.models import Q
from django.utils import timezone

from common.database import database_now, in_transaction
from common.events.models import Event, Sequencer
from common.events.reading import NOTIFICATIONS, locked_reader, move_on
from common.notifications.alerts import PERMISSIONS, TOPICS, alert_of
from common.notifications.models import Mode, Notification, Subscription
from common.observability.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Iterable

    from common.notifications.alerts import Alert

DIGEST_AT: Final = time(7)
GRANTED_BY: Final = "django.contrib.auth.backends.ModelBackend"

logger: Final = get_logger(__name__)


@in_transaction
def read_alerts(*, limit: int) -> int:
    """Note whom to tell of the next events, at most so many; how many events there were.

    The notifications commit together with the place in the feed, so no event is told twice and
    none is passed over, but for one that cannot be read, which is logged. Does nothing while
    somebody else is at it.

    Locks: the row of the reader ``notifications``, unless somebody has it (docs/locking.md).
    """
    reader, given = locked_reader(NOTIFICATIONS), Sequencer.objects.first()
    if reader is None or given is None or given.last <= reader.sequence:
        return 0
    coming = Event.objects.filter(sequence__gt=reader.sequence, sequence__lte=given.last)
    events = list(coming.filter(type__in=TOPICS).order_by("sequence")[:limit])
    _notify(events)
    last = events[-1].sequence if len(events) == limit else None
    move_on(reader, last or given.last)
    return len(events)


def next_digest(now: datetime) -> datetime:
    """Seven o'clock where the warehouse is, the next time."""
    zone = timezone.get_default_timezone()
    local = now.astimezone(zone)
    due = datetime.combine(local.date(), DIGEST_AT, zone)
    if due <= local:
        due = datetime.combine(local.date() + timedelta(days=1), DIGEST_AT, zone)
    return due


def _notify(events: Iterable[Event]) -> None:
    told = [(event, alert) for event in events if (alert := _alert(event))]
    if not told:
        return
    now = database_now()
    due = {Mode.AT_ONCE: now, Mode.DAILY: next_digest(now)}
    wanted = _subscriptions()
    Notification.objects.bulk_create(
        _notification(event, alert, to, due[Mode(to.mode)])
        for event, alert in told
        for to in wanted[alert.topic]
        if event.occurred_at >= to.created_at
    )


def _alert(event: Event) -> Alert | None:
    """One odd event must not keep all others from being told: the feed is kept until then."""
    try:
        return alert_of(event)
    except Exception:
        logger.exception("alert_unreadable", event_id=str(event.pk), event_type=event.type)
        return None


def _subscriptions() -> dict[str, list[Subscription]]:
    """By topic, of those who can get mail and may see what it tells: active staff with an address.

    One query, however many they are.
    """
    reachable = Subscription.objects.filter(user__is_active=True, user__is_staff=True)
    by_topic = defaultdict(list)
    for subscription in reachable.filter(_may_see()).exclude(user__email="").order_by("pk"):
        by_topic[subscription.topic].append(subscription)
    return by_topic


def _may_see() -> Q:
    """Subscriptions of users with the permission that the topic needs; superusers have all."""
    allowed = Q()
    for topic, permission in PERMISSIONS.items():
        holders = User.objects.with_perm(permission, backend=GRANTED_BY)
        allowed |= Q(topic=topic, user__in=holders)
    return allowed


def _notification(event: Event, alert: Alert, to: Subscription, due_at: datetime) -> Notification:
    return Notification(
        user_id=to.user_id,
        event_id=event.pk,
        topic=alert.topic,
        mode=to.mode,
        name=alert.name,
        sentence=alert.sentence,
        path=alert.path,
        due_at=due_at,
    )
