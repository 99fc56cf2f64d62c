"""The event table."""

from django.db import models

from common.database import ClockTimestamp, NextOf
from common.ids import new_id


class Event(models.Model):
    """One fact, as other systems will hear of it.

    Written in the same transaction as the fact. ``position`` is the order of writing, which is
    not the order of the commits; ``sequence``, the public total order, is given after the commit.
    ``trace_context`` holds W3C's headers where the request was traced.
    """

    version = 1
    """It never changes."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    type = models.CharField(max_length=64)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    data = models.JSONField(default=dict)
    request_id = models.CharField(max_length=128)
    actor = models.CharField(max_length=255)
    occurred_at = models.DateTimeField(db_default=ClockTimestamp())
    position = models.BigIntegerField(db_default=NextOf("events_position"), editable=False)
    sequence = models.BigIntegerField(null=True, editable=False)
    trace_context = models.JSONField(null=True, editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sequence__isnull=True) | models.Q(sequence__gte=1),
                name="event_sequence_positive",
            ),
            models.UniqueConstraint(
                fields=["sequence"],
                condition=models.Q(sequence__isnull=False),
                name="event_sequence_unique",
            ),
        ]
        indexes = [
            models.Index(
                fields=["position"],
                condition=models.Q(sequence__isnull=True),
                name="event_unnumbered",
            ),
            models.Index(fields=["subject_type", "subject_id", "id"], name="event_subject"),
            models.Index(
                fields=["subject_type", "subject_id", "sequence"],
                condition=models.Q(sequence__isnull=False),
                name="event_of_subject",
            ),
            models.Index(
                fields=["type", "sequence"],
                condition=models.Q(sequence__isnull=False),
                name="event_of_type",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.subject_type}/{self.subject_id}"


class Sequencer(models.Model):
    """The sequence that was given last. One row, which is locked while sequences are given."""

    id = models.SmallIntegerField(primary_key=True, default=1)
    last = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=models.Q(id=1), name="sequencer_is_one"),
            models.CheckConstraint(condition=models.Q(last__gte=0), name="sequencer_not_negative"),
        ]

    def __str__(self) -> str:
        return f"{self.last} given"


class Reader(models.Model):
    """How far one of our own readers of the feed has come: the broker, webhooks, notifications.

    Whoever works for a reader locks its row: one process at a time, in the order of the events.
    """

    name = models.CharField(primary_key=True, max_length=32)
    sequence = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(sequence__gte=0), name="reader_sequence_not_negative"
            )
        ]

    def __str__(self) -> str:
        return f"{self.name} at {self.sequence}"
