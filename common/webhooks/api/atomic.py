"""What atomic operations lock of webhooks before the first of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from common.webhooks.operations.beforehand import lock_webhooks

if TYPE_CHECKING:
    from collections.abc import Collection, Hashable, Sequence

    from common.api.atomic.mentions import Mention


def lock_mentioned(mentions: Sequence[Mention]) -> Collection[Hashable]:
    """Lock the endpoints and deliveries that are to be changed; nobody queues for those."""
    endpoints, deliveries = (
        {one.id for one in mentions if one.type == kind and one.id}
        for kind in ("webhook-endpoints", "webhook-deliveries")
    )
    lock_webhooks(endpoint_ids=endpoints, delivery_ids=deliveries)
    return ()
