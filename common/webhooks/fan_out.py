"""From the feed to the endpoints: who is to be told of which event."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import connection
from django.db.models import Exists, Max

from common.database import in_transaction
from common.events.models import Event
from common.events.reading import WEBHOOKS, has_unread, locked_reader, move_on, unread
from common.ids import new_id
from common.webhooks.models import WebhookEndpoint

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet

    from common.events.models import Reader

MOST: Final = 1_000
MOST_ROWS: Final = 20_000
"""Deliveries in one transaction, or those of a single event where there are more endpoints."""

WANTED: Final = """
SELECT event.id, endpoint.id
FROM events_event event
JOIN webhooks_webhookendpoint endpoint ON endpoint.created_at <= event.occurred_at
    AND (endpoint.event_types = '{}' OR event.type = ANY (endpoint.event_types))
WHERE event.sequence > %(after)s AND event.sequence <= %(last)s
    AND endpoint.is_active AND endpoint.deleted_at IS NULL
    AND event.type <> 'endpoint.test'
    AND NOT (event.type = 'endpoint.disabled' AND event.subject_id = endpoint.id::text)
ORDER BY event.sequence, endpoint.id
"""
"""A test is sent when it is asked for, to that endpoint alone (``send_test``)."""

INSERT: Final = """
INSERT INTO webhooks_webhookdelivery
    (id, event_id, endpoint_id, status, attempt_count, attempts, version, next_attempt_at)
SELECT new.id, new.event_id, new.endpoint_id, 'pending', 0, '[]', 1,
    clock_timestamp() + make_interval(secs => %(pause)s)
FROM unnest(%(ids)s::uuid[], %(events)s::uuid[], %(endpoints)s::uuid[])
    AS new (id, event_id, endpoint_id)
ON CONFLICT (endpoint_id, event_id) DO NOTHING
"""


def fan_out(*, most: int = MOST) -> int:
    """Plan a delivery of each of the next events to each endpoint that wants it.

    That is: the active endpoints that were there when it happened, and whose types it is one of.
    Returns how far the feed was gone through; 0 while another process is at it, or where there is
    nothing new.
    """
    return _fan_out(most) if has_unread(WEBHOOKS) else 0


@in_transaction
def _fan_out(most: int) -> int:
    """Locks: the reader of webhooks, unless somebody has it (docs/locking.md)."""
    reader = locked_reader(WEBHOOKS)
    if reader is None:
        return 0
    before = reader.sequence
    last = _newest_where_nobody_wants_any() or _last_of_next(reader, most)
    if last <= before:
        return 0
    _plan(_wanted(after=before, last=last))
    move_on(reader, last)
    return last - before


def _newest_where_nobody_wants_any() -> int:
    """So that a long past is passed over in one step; 0 where there is an endpoint."""
    events = Event.objects.filter(~Exists(_active())).exclude(sequence=None)
    return events.order_by("-sequence").values_list("sequence", flat=True).first() or 0


def _last_of_next(reader: Reader, most: int) -> int:
    most = max(1, min(most, MOST_ROWS // (_active().count() or 1)))
    return unread(reader, most=most).aggregate(last=Max("sequence"))["last"] or 0


def _active() -> QuerySet[WebhookEndpoint]:
    return WebhookEndpoint.objects.filter(is_active=True, deleted_at=None)


def _wanted(*, after: int, last: int) -> list[tuple[UUID, UUID]]:
    """Which event goes to which endpoint, in the order of the events."""
    with connection.cursor() as cursor:
        cursor.execute(WANTED, {"after": after, "last": last})
        return list(cursor.fetchall())


def _plan(pairs: Sequence[tuple[UUID, UUID]]) -> None:
    """The ids are made here, so that the deliveries sort by them as they were planned."""
    if not pairs:
        return
    events, endpoints = map(list, zip(*pairs, strict=True))
    given = {"ids": [new_id() for _ in pairs], "events": events, "endpoints": endpoints}
    with connection.cursor() as cursor:
        cursor.execute(INSERT, {**given, "pause": settings.WEBHOOK_RETRY_SECONDS[0]})
