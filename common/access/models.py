"""The tables of API keys. Written only by ``common.access.operations``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Func, Q
from django.db.models.lookups import Exact
from django.utils import timezone

from common.access.scopes import Scope
from common.database import ClockTimestamp
from common.ids import new_id

if TYPE_CHECKING:
    from datetime import datetime


class ApiKey(models.Model):
    """A program that may call the API: its name, what it may do, how often and until when.

    The name appears in the ledger as the actor, so it is never given to another key, not even
    after the key was revoked, and rows are never deleted. ``quota_per_minute`` counts requests;
    null is the default of the installation, 0 is unlimited.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=100)
    scopes = ArrayField(models.CharField(max_length=32))
    quota_per_minute = models.PositiveIntegerField(null=True, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_by = models.CharField(max_length=150)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key"
        constraints = [
            models.UniqueConstraint(fields=["name"], name="api_key_name_unique"),
            models.CheckConstraint(condition=~Q(name=""), name="api_key_name_not_empty"),
            models.CheckConstraint(
                condition=Q(scopes__contained_by=Scope.values) & ~Q(scopes=[]),
                name="api_key_scopes_known",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def status(self) -> str:
        """``active``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if _is_past(self.expires_at) else "active"

    @property
    def quota_in_words(self) -> str:
        """``default``, ``unlimited`` or so many a minute."""
        if self.quota_per_minute is None:
            return "default"
        return f"{self.quota_per_minute}/min" if self.quota_per_minute else "unlimited"

    @property
    def usable_secrets(self) -> list[ApiKeySecret]:
        """The secrets that have not expired, oldest first."""
        by_age = sorted(self.secrets.all(), key=lambda secret: secret.pk)
        return [secret for secret in by_age if not _is_past(secret.expires_at)]


class ApiKeySecret(models.Model):
    """One secret that is accepted for a key; after a rotation the old one too, for a while.

    The secret itself is not here: ``digest`` is its HMAC-SHA256. ``public_id`` (absent when an
    operator made the secret up) and ``last_four`` tell people which secret this is.
    ``expires_at`` is set when the secret has been replaced.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    key = models.ForeignKey(ApiKey, models.CASCADE, related_name="secrets")
    public_id = models.CharField(max_length=8, null=True, blank=True)  # noqa: DJ001  absent is not ""
    digest = models.BinaryField(max_length=32)
    last_four = models.CharField(max_length=4)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    expires_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = "API key secret"
        constraints = [
            models.UniqueConstraint(fields=["digest"], name="api_key_secret_digest_unique"),
            models.CheckConstraint(
                condition=Exact(
                    Func("digest", function="OCTET_LENGTH", output_field=models.IntegerField()), 32
                ),
                name="api_key_secret_digest_length",
            ),
        ]

    def __str__(self) -> str:
        return f"…{self.last_four}"


def _is_past(moment: datetime | None) -> bool:
    return moment is not None and moment <= timezone.now()
