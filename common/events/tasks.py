"""Events in the background."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from common.events.sweeping import sweep_events as sweep

BATCH: Final = 1_000


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep_events(**_unknown: object) -> int:
    """Every hour: delete what the feed need not keep any more, one transaction for each batch.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored. Returns how many went.
    """
    total = 0
    while count := sweep(limit=BATCH):
        total += count
    return total
