"""What has moved, day by day: a summary of the ledger that long periods are read from."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from django.db import models
from django.db.models import Max, Q
from django.utils import timezone

from inventory.models.stock import StockLevel, StockMovement


def start_of(day: date) -> datetime:
    """The instant at which a day begins in TIME_ZONE.

    In UTC: where clocks are changed at midnight, no other spelling of it equals PostgreSQL's.
    """
    zone = timezone.get_default_timezone()
    return timezone.make_aware(datetime.combine(day, time.min), zone).astimezone(UTC)


def day_of(instant: datetime) -> date:
    """The day of an instant in TIME_ZONE, whatever the reader's own time zone is."""
    return timezone.localdate(instant, timezone.get_default_timezone())


class StockDayQuerySet(models.QuerySet["StockDay"]):
    def summarised_until(self) -> date | None:
        """The last day that the summary tells of; None when it is empty.

        What has moved since then stands in the ledger alone: days on which nothing moved have no
        rows, so the summary may be complete for longer than it says, and never for less.
        """
        last: date | None = self.aggregate(last=Max("day"))["last"]
        return last


class StockDay(models.Model):
    """The movements of one stock level on one day for one reason, summed up.

    ``units`` is the signed sum of their deltas, ``movements`` how many there were. Days are those
    of TIME_ZONE. Written only by ``inventory.operations.days``, from the ledger and from nothing
    else: it can be made anew at any time.
    """

    pk = models.CompositePrimaryKey("stock_level_id", "day", "reason")
    stock_level = models.ForeignKey(StockLevel, models.PROTECT, related_name="days", db_index=False)
    day = models.DateField()
    reason = models.CharField(max_length=16, choices=StockMovement.Reason)
    units = models.BigIntegerField()
    movements = models.PositiveIntegerField()

    objects = StockDayQuerySet.as_manager()

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(movements__gte=1), name="stock_day_movements"),
        ]
        indexes = [models.Index(fields=["day", "reason"], name="stock_day_by_day")]

    def __str__(self) -> str:
        return f"{self.stock_level_id} on {self.day}: {self.units:+} {self.reason}"
