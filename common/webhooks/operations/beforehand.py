"""Locking what several operations on webhooks are about, before the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.database import in_transaction
from common.webhooks.models import WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    from collections.abc import Collection
    from uuid import UUID


@in_transaction
def lock_webhooks(*, endpoint_ids: Collection[UUID], delivery_ids: Collection[UUID]) -> None:
    """Lock these endpoints and deliveries, as far as they exist.

    Locks: the endpoints, the deliveries (docs/locking.md).
    """
    for model, ids in ((WebhookEndpoint, endpoint_ids), (WebhookDelivery, delivery_ids)):
        if ids:
            rows = model.objects.filter(pk__in=ids).order_by("pk")
            list(rows.select_for_update(of=("self",), no_key=True).values_list("pk"))
