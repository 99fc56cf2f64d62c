"""What a check of all stock came to."""

from __future__ import annotations

from common.database import in_transaction
from inventory.models import LedgerCheck


@in_transaction
def note_check(*, differences: int) -> None:
    """Remember that all stock has been checked just now, and how many figures differed.

    The check after it takes its place: a clean one tells that all is well again.

    Locks: the one row of the last check (docs/locking.md).
    """
    LedgerCheck.objects.bulk_create(
        [LedgerCheck(differences=differences)],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=["checked_at", "differences"],
    )
