"""Forgetting endpoints that were deleted, with what they were sent."""

from __future__ import annotations

from common.database import in_transaction
from common.webhooks.models import WebhookDelivery, WebhookEndpoint


@in_transaction
def sweep_deleted(*, limit: int) -> int:
    """Delete at most ``limit`` deliveries of deleted endpoints, and the endpoints without any.

    Returns how many rows went. Rows that another sweeper or a relay holds are skipped.

    Locks: the deliveries, the endpoints, skipping those of others (docs/locking.md).
    """
    deliveries = WebhookDelivery.objects.filter(endpoint__deleted_at__isnull=False)
    free = deliveries.select_for_update(skip_locked=True, of=("self",)).values_list("pk", flat=True)
    ids = list(free[:limit])
    WebhookDelivery.objects.filter(pk__in=ids).delete()
    bare = WebhookEndpoint.objects.filter(deleted_at__isnull=False, deliveries=None)
    ended = list(bare.values_list("pk", flat=True))
    endpoints = WebhookEndpoint.objects.filter(pk__in=ended).select_for_update(skip_locked=True)
    gone = [endpoint.pk for endpoint in endpoints]
    WebhookEndpoint.objects.filter(pk__in=gone).delete()
    return len(ids) + len(gone)
