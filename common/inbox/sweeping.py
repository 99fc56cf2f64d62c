"""Forgetting messages that nobody sends again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from django.db.models.functions import Now

from common.database import in_transaction
from common.inbox.models import InboxMessage

KEPT_FOR: Final = timedelta(days=90)
"""For so long a message that comes again is known, and an older word seen for what it is."""


@in_transaction
def sweep_messages(*, limit: int) -> int:
    """Forget at most ``limit`` messages handled over 90 days ago, oldest first; how many it were.

    By the database's clock. Rows that another sweeper holds are skipped, so two of them share the
    work instead of waiting for each other.

    Locks: old messages, skipping those of other sweepers (docs/locking.md).
    """
    aged = InboxMessage.objects.filter(handled_at__lt=Now() - KEPT_FOR).order_by("handled_at")
    ids = list(aged.select_for_update(skip_locked=True).values_list("pk", flat=True)[:limit])
    count, _ = InboxMessage.objects.filter(pk__in=ids).delete()
    return count
