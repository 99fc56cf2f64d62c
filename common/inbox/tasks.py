"""The inbox in the background."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from common.inbox.sweeping import sweep_messages

BATCH: Final = 1_000


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep_inbox_messages(**_unknown: object) -> int:
    """Every hour: forget what was handled over 90 days ago, one transaction for each batch.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored. Returns how many messages went.
    """
    total = 0
    while count := sweep_messages(limit=BATCH):
        total += count
    return total
