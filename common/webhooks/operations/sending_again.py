"""Sending what was asked for: a test, one delivery once more, or a whole stretch of the feed."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db import connection

from common.database import database_now, in_transaction
from common.errors import VersionMismatch
from common.events.models import Event
from common.events.recording import Fact, record
from common.ids import new_id
from common.webhooks import rules
from common.webhooks.errors import EndpointInactive, UnknownDelivery
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.operations.endpoints import locked

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

TEST: Final = "endpoint.test"
DISABLED: Final = "endpoint.disabled"
SUBJECT: Final = "webhook-endpoints"
AT_ONCE: Final = 10_000

SEND: Final = """
INSERT INTO webhooks_webhookdelivery AS known
    (id, endpoint_id, event_id, status, attempt_count, attempts, version, next_attempt_at)
SELECT new.id, %(endpoint)s, new.event_id, 'pending', 0, '[]', 1,
    clock_timestamp() + (%(start)s + new.place) * %(apart)s
FROM unnest(%(ids)s::uuid[], %(events)s::uuid[]) WITH ORDINALITY AS new (id, event_id, place)
ON CONFLICT (endpoint_id, event_id) DO UPDATE
SET status = 'pending', attempt_count = 0, next_attempt_at = excluded.next_attempt_at,
    version = known.version + 1, updated_at = clock_timestamp()
"""
APART: Final = timedelta(milliseconds=4)
"""Between two events of a replay: what happens meanwhile goes between them, not behind them all."""


@in_transaction
def send_test(*, endpoint_id: UUID, expected_version: int | None = None) -> WebhookDelivery:
    """Send an event that means nothing (``endpoint.test``) to this endpoint and to no other.

    Whichever types the endpoint wants. Refuses with UnknownEndpoint, VersionMismatch and
    EndpointInactive.

    Locks: the endpoint (docs/locking.md).
    """
    endpoint = locked(endpoint_id, expected_version)
    _check_active(endpoint)
    record([Fact(TEST, SUBJECT, endpoint.pk, {"host": endpoint.host})])
    tests = Event.objects.filter(subject_type=SUBJECT, subject_id=str(endpoint.pk), type=TEST)
    event = tests.latest("position")
    now = database_now()
    return WebhookDelivery.objects.create(
        endpoint=endpoint, event=event, next_attempt_at=now, created_at=now, updated_at=now
    )


@in_transaction
def retry_delivery(*, delivery_id: UUID, expected_version: int | None = None) -> WebhookDelivery:
    """Send one event once more, now, with the whole schedule before it; also one that was taken.

    The attempts so far are kept. Refuses with UnknownDelivery, VersionMismatch and
    EndpointInactive.

    Locks: the delivery (docs/locking.md).
    """
    rows = WebhookDelivery.objects.select_for_update(of=("self",), no_key=True)
    delivery = rows.select_related("endpoint", "event").filter(pk=delivery_id).first()
    if delivery is None:
        raise UnknownDelivery("There is no such webhook delivery.")
    if expected_version is not None and delivery.version != expected_version:
        raise VersionMismatch("The delivery has changed since; fetch it and decide again.")
    _check_active(delivery.endpoint)
    now = database_now()
    delivery.status, delivery.attempt_count = WebhookDelivery.Status.PENDING, 0
    delivery.next_attempt_at = delivery.updated_at = now
    delivery.version += 1
    delivery.save(
        update_fields=["status", "attempt_count", "next_attempt_at", "updated_at", "version"]
    )
    return delivery


@in_transaction
def replay(*, endpoint_id: UUID, first_sequence: int, last_sequence: int) -> int:
    """Send a stretch of the feed (both ends belong to it) once more; returns how many events.

    The types that the endpoint wants, whether they were sent before or not, also from before the
    endpoint was made; what has left the feed cannot be sent. At most 100 000 events, 250 a second
    so that what happens meanwhile is not delayed. Refuses with Invalid, UnknownEndpoint and
    EndpointInactive.

    Locks: the endpoint; the deliveries, in the order of their events (docs/locking.md).
    """
    rules.check_range(first_sequence, last_sequence)
    endpoint = locked(endpoint_id)
    _check_active(endpoint)
    events = _wanted(endpoint, first_sequence, last_sequence)
    for start in range(0, len(events), AT_ONCE):
        _send(endpoint, events[start : start + AT_ONCE], start)
    return len(events)


def _wanted(endpoint: WebhookEndpoint, first: int, last: int) -> list[UUID]:
    """The events of a stretch that are for this endpoint, in their order."""
    events = Event.objects.filter(sequence__gte=first, sequence__lte=last)
    events = events.exclude(type=TEST).exclude(type=DISABLED, subject_id=str(endpoint.pk))
    if endpoint.event_types:
        events = events.filter(type__in=endpoint.event_types)
    return list(events.order_by("sequence").values_list("pk", flat=True))


def _send(endpoint: WebhookEndpoint, events: Sequence[UUID], start: int) -> None:
    given: dict[str, Any] = {"ids": [new_id() for _ in events], "events": list(events)}
    given |= {"endpoint": endpoint.pk, "start": start, "apart": APART}
    with connection.cursor() as cursor:
        cursor.execute(SEND, given)


def _check_active(endpoint: WebhookEndpoint) -> None:
    if endpoint.deleted_at is not None:
        raise EndpointInactive("The endpoint has been deleted; nothing is sent to it any more.")
    if not endpoint.is_active:
        raise EndpointInactive("The endpoint is switched off; switch it on first.")
