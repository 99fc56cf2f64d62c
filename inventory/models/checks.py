"""What the last check of all stock has found."""

from __future__ import annotations

from django.db import models

from common.database import ClockTimestamp


class LedgerCheck(models.Model):
    """The last check that came to its end: how many figures differed. One row, if any.

    Written only by ``inventory.operations.checks``.
    """

    id = models.SmallIntegerField(primary_key=True, default=1, editable=False)
    checked_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    differences = models.PositiveIntegerField()

    class Meta:
        default_permissions = ()  # nobody is shown it, but as a figure
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="ledger_check_is_one"),
        ]

    def __str__(self) -> str:
        return f"{self.differences} at {self.checked_at}"
