"""The event table."""

from django.db import models

from common.database import ClockTimestamp
from common.ids import new_id


class Event(models.Model):
    """One fact, as other systems will hear of it.

    Written in the same transaction as the fact. ``sequence``, the public total order, is given
    later by one relay: an order taken here would not be the order of the commits.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=128)
    actor = models.CharField(max_length=255)
    occurred_at = models.DateTimeField(db_default=ClockTimestamp())
    sequence = models.BigIntegerField(null=True, unique=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sequence__isnull=True) | models.Q(sequence__gte=1),
                name="event_sequence_positive",
            )
        ]
        indexes = [
            models.Index(
                fields=["id"],
                condition=models.Q(sequence__isnull=True),
                name="event_unsequenced",
            ),
            models.Index(fields=["subject_type", "subject_id", "id"], name="event_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject_type}/{self.subject_id}"
