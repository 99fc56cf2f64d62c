"""Idempotency in the background."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from common.idempotency.sweeping import sweep_records

BATCH: Final = 1_000


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def sweep_idempotency_records(**_unknown: object) -> int:
    """Every ten minutes: delete what is older than a day, one transaction for each batch.

    Safe to run twice, to overlap and to be killed. Extra keyword arguments from a newer publisher
    are ignored. Returns how many records went.
    """
    total = 0
    while count := sweep_records(limit=BATCH):
        total += count
    return total
