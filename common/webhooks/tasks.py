"""Webhooks in the background; they are delivered by the relay."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from common.webhooks.sweeping import sweep_deleted

BATCH: Final = 1_000


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep_deleted_endpoints(**_unknown: object) -> int:
    """Every hour: delete what is left of deleted endpoints, one transaction for each batch.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored. Returns how many rows went.
    """
    total = 0
    while count := sweep_deleted(limit=BATCH):
        total += count
    return total
