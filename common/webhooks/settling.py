"""What attempts came to: for the deliveries, and for the endpoints that they went to."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, timedelta
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.db import connection

from common.database import after_commit, in_transaction
from common.events.recording import Fact, record
from common.observability.context import acting_as
from common.observability.metrics import webhook_attempts
from common.webhooks.models import WebhookDelivery, WebhookEndpoint
from common.webhooks.schedule import pause_before

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from datetime import datetime
    from uuid import UUID

    from common.webhooks.posting import Outcome

OUTCOMES: Final = {"delivered": "delivered", "pending": "failed", "failed": "given_up"}
"""Of an attempt, by what the delivery became."""
GIVEN_UP_AFTER: Final = timedelta(days=5)
MOST_ATTEMPTS: Final = 50
"""That are kept of one delivery, the latest."""

SETTLE: Final = """
UPDATE webhooks_webhookdelivery delivery
SET status = result.status,
    attempt_count = delivery.attempt_count + 1,
    attempts = CASE WHEN jsonb_array_length(delivery.attempts) < %(most)s
        THEN delivery.attempts ELSE delivery.attempts - 0 END || result.attempt::jsonb,
    next_attempt_at = clock_timestamp() + make_interval(secs => result.pause),
    version = delivery.version + 1,
    updated_at = clock_timestamp()
FROM unnest(%(ids)s::uuid[], %(claims)s::timestamptz[], %(statuses)s::text[],
    %(pauses)s::float8[], %(attempts)s::text[]) AS result (id, claim, status, pause, attempt)
WHERE delivery.id = result.id AND delivery.status = 'pending'
    AND delivery.next_attempt_at = result.claim
RETURNING delivery.id, clock_timestamp(), delivery.status
"""


@dataclass(frozen=True, slots=True)
class Result:
    """A delivery as it was claimed, and what the attempt came to."""

    delivery: WebhookDelivery
    outcome: Outcome


@in_transaction
def settle(results: Sequence[Result]) -> list[Result]:
    """Write down what attempts came to, in the order in which they ended.

    A result counts while its claim does: once the delivery was claimed again, or asked for again,
    nobody waits for a late answer. An endpoint that says 410 Gone, or has failed for five days by
    the database's clock, is disabled, and the event tells so. Returns the results whose endpoint
    somebody else holds at this moment: nothing was done about them.

    Locks: the endpoints, skipping those that others hold; their deliveries (docs/locking.md).
    """
    endpoints = _free_endpoints({result.delivery.endpoint_id for result in results})
    ours = [result for result in results if result.delivery.endpoint_id in endpoints]
    counted = _written(ours)
    for result in ours:
        if result.delivery.pk in counted:
            now, _ = counted[result.delivery.pk]
            _judge(endpoints[result.delivery.endpoint_id], result.outcome, now)
    after_commit(_count, [status for _, status in counted.values()])
    return [result for result in results if result.delivery.endpoint_id not in endpoints]


def _free_endpoints(ids: Iterable[UUID]) -> dict[UUID, WebhookEndpoint]:
    rows = WebhookEndpoint.objects.filter(pk__in=ids).order_by("pk")
    return {row.pk: row for row in rows.select_for_update(skip_locked=True, no_key=True)}


def _written(results: Sequence[Result]) -> dict[UUID, tuple[datetime, str]]:
    """The deliveries whose claim still counted: what the database's clock said, the new status."""
    if not results:
        return {}
    columns = map(list, zip(*map(_row, results), strict=True))
    names = ("ids", "claims", "statuses", "pauses", "attempts")
    with connection.cursor() as cursor:
        cursor.execute(SETTLE, {**dict(zip(names, columns, strict=True)), "most": MOST_ATTEMPTS})
        return {pk: (now, status) for pk, now, status in cursor.fetchall()}


def _count(statuses: Iterable[str]) -> None:
    for status in statuses:
        webhook_attempts.labels(outcome=OUTCOMES[status]).inc()


def _row(result: Result) -> tuple[UUID, datetime | None, str, float | None, str]:
    """The columns of one result: a new status, and the pause before the next attempt, if any."""
    delivery, outcome = result.delivery, result.outcome
    status, pause = WebhookDelivery.Status.DELIVERED, None
    if not outcome.is_success:
        attempts = delivery.attempt_count + 1
        pause = pause_before(attempts, settings.WEBHOOK_RETRY_SECONDS, outcome.retry_after)
        gives_up = pause is None
        status = WebhookDelivery.Status.FAILED if gives_up else WebhookDelivery.Status.PENDING
    attempt = json.dumps(_attempt(outcome))
    return (delivery.pk, delivery.next_attempt_at, str(status), pause, attempt)


def _attempt(outcome: Outcome) -> dict[str, Any]:
    """As ``WebhookDelivery.attempts`` keeps it."""
    return {
        "at": outcome.at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "status_code": outcome.status_code,
        "error": outcome.error,
        "duration_ms": outcome.duration_ms,
    }


def _judge(endpoint: WebhookEndpoint, outcome: Outcome, now: datetime) -> None:
    """Write the endpoint's row only when it becomes different: all its deliveries share it."""
    if not endpoint.is_active:
        return
    since = None if outcome.is_success else endpoint.failing_since or now
    if since != endpoint.failing_since:
        endpoint.failing_since = since
        endpoint.save(update_fields=["failing_since"])
    if outcome.is_gone:
        _disable(endpoint, "It answered 410 Gone.", now)
    elif since and now - since >= GIVEN_UP_AFTER:
        _disable(endpoint, f"It has failed since {since:%Y-%m-%d %H:%M} UTC, five days.", now)


def _disable(endpoint: WebhookEndpoint, reason: str, now: datetime) -> None:
    endpoint.is_active = False
    endpoint.disabled_reason = reason
    endpoint.version += 1
    endpoint.updated_at = now
    endpoint.save(update_fields=["is_active", "disabled_reason", "version", "updated_at"])
    since = endpoint.failing_since
    data = {
        "host": endpoint.host,
        "reason": reason,
        "failing_since": since and since.astimezone(UTC).isoformat().replace("+00:00", "Z"),
    }
    with acting_as("relay"):
        record([Fact("endpoint.disabled", "webhook-endpoints", endpoint.pk, data)])
