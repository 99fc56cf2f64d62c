"""The table of answers already given."""

from django.db import models

from common.database import ClockTimestamp
from common.ids import new_id


class IdempotencyRecord(models.Model):
    """The answer that a request with an Idempotency-Key got, kept to be given again.

    Committed with the effect it answers for. There is no row for work in progress: that is an
    advisory lock, which a crash gives back by itself.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    client = models.CharField(max_length=64)
    method = models.CharField(max_length=8)
    path = models.CharField(max_length=255)
    key = models.CharField(max_length=255)
    fingerprint = models.BinaryField(max_length=32)
    status = models.PositiveSmallIntegerField()
    body = models.BinaryField()
    location = models.CharField(max_length=1024, blank=True)
    etag = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["client", "key", "method", "path"], name="idempotency_record_scope"
            )
        ]
        indexes = [models.Index(fields=["created_at"], name="idempotency_record_age")]

    def __str__(self) -> str:
        return f"{self.method} {self.path} {self.key}"
