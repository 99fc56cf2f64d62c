"""Stock in the background."""

from __future__ import annotations

from typing import Final

from celery import shared_task

from inventory.operations import expire_reservations as expire

BATCH: Final = 200


@shared_task  # type: ignore[untyped-decorator]  # Celery ships no types
def expire_reservations(**_unknown: object) -> int:
    """Every ten seconds: end the holds that are past their time, one transaction for each batch.

    It only tidies: no decision waits for it (RULES S9). Safe to run twice, to overlap and to be
    killed. Extra keyword arguments from a newer publisher are ignored. Returns how many ended.
    """
    total = 0
    while count := expire(limit=BATCH):
        total += count
    return total
