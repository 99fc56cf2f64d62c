"""Taking deliveries in hand: each by one process at a time, and no endpoint more than its share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, Literal

from django.db import connection

from common.webhooks.models import WebhookDelivery

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID

Pace = Literal["quick", "new", "slow"]
"""How fast an endpoint answered lately, as far as a relay knows."""

LEASE: Final = 60
"""Seconds after which a delivery that was taken in hand is due again, whoever died with it."""

CLAIM: Final = """
WITH due AS MATERIALIZED (
    SELECT delivery.id
    FROM (
        SELECT id FROM webhooks_webhookendpoint
        WHERE is_active AND deleted_at IS NULL
            AND CASE WHEN id = ANY (%(slow)s::uuid[]) THEN 'slow'
                WHEN id = ANY (%(quick)s::uuid[]) THEN 'quick'
                WHEN failing_since IS NULL THEN 'new' ELSE 'slow' END = %(pace)s
            AND id <> ALL (%(busy)s::uuid[])
        ORDER BY random()
    ) endpoint
    CROSS JOIN LATERAL (
        SELECT id FROM webhooks_webhookdelivery pending
        WHERE pending.endpoint_id = endpoint.id AND pending.status = 'pending'
            AND pending.next_attempt_at <= statement_timestamp()
            AND (SELECT sequence FROM events_event WHERE id = pending.event_id) IS NOT NULL
        ORDER BY pending.next_attempt_at
        LIMIT %(each)s
        FOR NO KEY UPDATE SKIP LOCKED
    ) delivery
    LIMIT %(most)s
)
UPDATE webhooks_webhookdelivery delivery
SET next_attempt_at = clock_timestamp() + make_interval(secs => %(lease)s)
FROM due WHERE delivery.id = due.id
RETURNING delivery.id, delivery.next_attempt_at
"""
"""Endpoints come in an order of chance, so that none is always the last. Of each one, the index
gives the first few that are due, however many wait behind them: the look at the event is a
subquery because a join would make PostgreSQL read them all."""


def claim(
    *,
    most: int,
    each: int,
    pace: Pace = "new",
    quick: Collection[UUID] = (),
    slow: Collection[UUID] = (),
    busy: Collection[UUID] = (),
) -> list[WebhookDelivery]:
    """Take in hand what is due: at most ``most`` deliveries, at most ``each`` of one endpoint.

    Those of endpoints of one ``pace``: named as ``slow``, else named as ``quick``, else slow where
    they fail, else new. None of an endpoint that is ``busy``. Until its ``next_attempt_at`` a
    delivery is the caller's, with its event and its endpoint; that moment is also the sign by
    which ``settle`` knows the claim.

    Locks: the deliveries, skipping those that others hold (docs/locking.md).
    """
    given: dict[str, Any] = {"most": most, "each": each, "lease": LEASE}
    given |= {"pace": pace, "quick": list(quick), "slow": list(slow), "busy": list(busy)}
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, given)
        claims = dict(cursor.fetchall())
    if not claims:
        return []
    rows = WebhookDelivery.objects.select_related("endpoint", "event").defer("attempts")
    deliveries = list(rows.filter(pk__in=claims).order_by("pk"))
    for delivery in deliveries:
        delivery.next_attempt_at = claims[delivery.pk]
    return deliveries
