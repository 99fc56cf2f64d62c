"""The table of messages that have been handled."""

from django.db import models

from common.database import ClockTimestamp
from common.ids import new_id


class InboxMessage(models.Model):
    """A message whose effect is there: written in the same transaction, so it has it once.

    ``source`` and ``event_id`` are those of its CloudEvents envelope and together name it.
    ``subject`` is what it is about (an order reference, a batch reference) and ``occurred_at``
    when that happened there: an older word on the same thing is not applied over a newer one.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    source = models.CharField(max_length=255)
    event_id = models.CharField(max_length=255)
    type = models.CharField(max_length=64)
    subject = models.CharField(max_length=255)
    occurred_at = models.DateTimeField()
    handled_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        verbose_name = "handled message"
        constraints = [
            models.UniqueConstraint(fields=["event_id", "source"], name="inbox_message_once")
        ]
        indexes = [
            models.Index(fields=["subject", "type", "occurred_at"], name="inbox_message_latest"),
            models.Index(fields=["handled_at"], name="inbox_message_age"),
        ]

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
