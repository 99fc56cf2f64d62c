"""Forgetting answers that no client may ask for any more (RULES I8)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from common.database import in_transaction
from common.idempotency.models import IdempotencyRecord

KEPT_FOR: Final = timedelta(hours=24)


@in_transaction
def sweep_records(*, limit: int) -> int:
    """Delete at most ``limit`` records older than 24 hours by the database's clock, oldest first.

    Returns how many went. Rows that another sweeper holds are skipped, so two of them share the
    work instead of waiting for each other.

    Locks: old records, skipping those of other sweepers (docs/locking.md).
    """
    aged = IdempotencyRecord.objects.filter(created_at__lt=Now() - KEPT_FOR).order_by("created_at")
    ids = list(aged.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    count, _ = IdempotencyRecord.objects.filter(pk__in=ids).delete()
    return count
