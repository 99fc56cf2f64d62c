"""Count sheets: what somebody finds on the shelves of a location, held against what we know."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import pgettext_lazy

from common.database import ClockTimestamp
from common.ids import new_id
from inventory.models.stock import MAX_ON_HAND, Location, StockLevel, StockMovement


class CountSheet(models.Model):
    """A stocktake of one location, or of some of its products.

    Open until its last line is settled or somebody closes it; any number of people may fill it
    in. ``is_blind``: whoever counts does not see what we expect. ``scope`` says in words which
    products it was made for. Written only by ``inventory.operations``.
    """

    class Status(models.TextChoices):
        OPEN = "open", pgettext_lazy("count sheet", "Open")
        CLOSED = "closed", pgettext_lazy("count sheet", "Closed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=255)
    location = models.ForeignKey(Location, models.PROTECT, related_name="count_sheets")
    scope = models.CharField(max_length=255, blank=True)
    is_blind = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status, default=Status.OPEN)
    actor = models.CharField(max_length=255)
    request_id = models.CharField(max_length=128)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        permissions = [("apply_countsheet", "Can apply counts to the stock")]
        constraints = [
            models.CheckConstraint(condition=~Q(name=""), name="count_sheet_name_not_blank"),
            models.CheckConstraint(
                condition=Q(status__in=["open", "closed"]), name="count_sheet_status_known"
            ),
        ]
        indexes = [models.Index(fields=["status", "-id"], name="count_sheet_by_status")]

    def __str__(self) -> str:
        return self.name


class CountLine(models.Model):
    """One stock level on a sheet.

    ``expected`` is what was on hand when the line was put on the sheet, and ``seen_sequence`` the
    last movement then; a level whose ``movement_count`` is another one has moved since.
    ``counted`` is empty until somebody has counted; ``movement`` is what applying the line wrote,
    also where it made no difference.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sheet = models.ForeignKey(CountSheet, models.PROTECT, related_name="lines", db_index=False)
    stock_level = models.ForeignKey(StockLevel, models.PROTECT, related_name="count_lines")
    expected = models.PositiveBigIntegerField()
    seen_sequence = models.PositiveBigIntegerField()
    counted = models.PositiveBigIntegerField(null=True, blank=True)
    counted_by = models.CharField(max_length=255, blank=True)
    counted_at = models.DateTimeField(null=True, blank=True)
    note = models.CharField(max_length=1000, blank=True)
    movement = models.OneToOneField(
        StockMovement, models.PROTECT, related_name="count_line", null=True, blank=True
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sheet", "stock_level"], name="count_line_once"),
            models.CheckConstraint(
                condition=Q(counted=None) | Q(counted__gte=0, counted__lte=MAX_ON_HAND),
                name="count_line_counted_range",
            ),
            models.CheckConstraint(
                condition=Q(counted=None, counted_at=None)
                | Q(counted__isnull=False, counted_at__isnull=False),
                name="count_line_counted_when",
            ),
            models.CheckConstraint(
                condition=Q(movement=None) | Q(counted__isnull=False),
                name="count_line_counted_before_applied",
            ),
        ]
        indexes = [
            models.Index(
                fields=["sheet", "movement"],
                condition=Q(movement__isnull=False),
                name="count_line_applied",
            )
        ]

    def __str__(self) -> str:
        return f"{self.stock_level} on {self.sheet}"

    @property
    def difference(self) -> int | None:
        """Units found more or fewer than expected; nothing before somebody has counted."""
        return None if self.counted is None else self.counted - self.expected
