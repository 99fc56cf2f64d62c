"""How many deliveries wait for their next attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import connection

from common.observability import gauges

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

COUNT: Final = """
SELECT count(*) FROM (
    SELECT FROM webhooks_webhookendpoint endpoint
    CROSS JOIN LATERAL (
        SELECT FROM webhooks_webhookdelivery delivery
        WHERE delivery.endpoint_id = endpoint.id AND delivery.status = 'pending'
        ORDER BY delivery.next_attempt_at
        LIMIT %(most)s
    ) waiting
    WHERE endpoint.is_active AND endpoint.deleted_at IS NULL
    LIMIT %(most)s
) counted
"""
"""The order is the index's: nothing but that is read of the table."""


def waiting() -> Iterable[Metric]:
    """Those of active endpoints: a disabled one keeps its own until it is active again."""
    with connection.cursor() as cursor:
        cursor.execute(COUNT, {"most": gauges.MOST_COUNTED})
        (count,) = cursor.fetchone()
    yield gauges.gauge(
        "webhook_deliveries_waiting",
        "Deliveries to active endpoints that wait for an attempt, counted up to 10 000.",
        count,
    )
