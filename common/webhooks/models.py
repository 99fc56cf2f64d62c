"""The tables of webhooks: who wants to be told, and what each of them was sent."""

from __future__ import annotations

from urllib.parse import urlsplit

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext as _
from django.utils.translation import pgettext_lazy

from common.database import ClockTimestamp
from common.events.models import Event
from common.ids import new_id


class WebhookEndpoint(models.Model):
    """An address that is told of events, all of them or those of some types.

    ``secret`` signs what is sent; until ``previous_secret_until`` the one before signs it too.
    ``failing_since`` is the first failure after the last success. A disabled endpoint keeps what
    it was not sent and gets it when it is active again; a deleted one stays until its deliveries
    have been swept.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    url = models.CharField(max_length=2048)
    description = models.CharField(max_length=255, blank=True)
    event_types = ArrayField(models.CharField(max_length=64), default=list, blank=True)
    is_active = models.BooleanField(default=True)
    disabled_reason = models.CharField(max_length=255, blank=True)
    secret = models.CharField(max_length=64)
    previous_secret = models.CharField(max_length=64, blank=True)
    previous_secret_until = models.DateTimeField(null=True, blank=True)
    failing_since = models.DateTimeField(null=True, blank=True)
    version = models.PositiveBigIntegerField(default=1)
    created_by = models.CharField(max_length=255)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    updated_at = models.DateTimeField(db_default=ClockTimestamp())
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(url__startswith="https://") | Q(url__startswith="http://"),
                name="webhook_endpoint_url_http",
            ),
            models.CheckConstraint(
                condition=Q(disabled_reason="") | Q(is_active=False),
                name="webhook_endpoint_reason_of_disabled",
            ),
            models.CheckConstraint(
                condition=Q(secret__startswith="whsec_"),  # noqa: S106  that is its form
                name="webhook_endpoint_secret_form",
            ),
            models.CheckConstraint(
                condition=Q(previous_secret="", previous_secret_until=None)
                | (~Q(previous_secret="") & Q(previous_secret_until__isnull=False)),
                name="webhook_endpoint_previous_secret_ends",
            ),
        ]

    def __str__(self) -> str:
        return self.url

    @property
    def host(self) -> str:
        """What may be told of the URL: the rest of it can be a secret between two programs."""
        return urlsplit(self.url).hostname or ""


class WebhookDelivery(models.Model):
    """One event for one endpoint, until it has been taken or given up.

    ``attempts`` are the tries so far, oldest first: ``at``, ``status_code`` or null, ``error`` or
    null, ``duration_ms``. ``attempt_count`` is the place in the schedule: it starts anew when a
    delivery is asked for again. Whoever works on one sets ``next_attempt_at`` past the time that
    an attempt can take, so what a killed process had in hand is due again by itself.
    """

    class Status(models.TextChoices):
        PENDING = "pending", pgettext_lazy("delivery", "pending")
        DELIVERED = "delivered", pgettext_lazy("delivery", "delivered")
        FAILED = "failed", pgettext_lazy("delivery", "failed")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    endpoint = models.ForeignKey(WebhookEndpoint, models.PROTECT, related_name="deliveries")
    event = models.ForeignKey(Event, models.CASCADE, related_name="deliveries")
    status = models.CharField(max_length=9, choices=Status.choices, default=Status.PENDING)
    attempt_count = models.PositiveSmallIntegerField(default=0)
    attempts = models.JSONField(default=list)
    next_attempt_at = models.DateTimeField(null=True, db_default=ClockTimestamp())
    version = models.PositiveBigIntegerField(default=1)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    updated_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        verbose_name_plural = "webhook deliveries"
        constraints = [
            models.UniqueConstraint(
                fields=["endpoint", "event"], name="webhook_delivery_once_each"
            ),
            models.CheckConstraint(
                condition=Q(status="pending", next_attempt_at__isnull=False)
                | (~Q(status="pending") & Q(next_attempt_at=None)),
                name="webhook_delivery_pending_is_planned",
            ),
        ]
        indexes = [
            models.Index(
                fields=["endpoint", "next_attempt_at"],
                condition=Q(status="pending"),
                name="webhook_delivery_due",
            ),
            models.Index(fields=["endpoint", "id"], name="webhook_delivery_of_endpoint"),
            models.Index(fields=["status", "id"], name="webhook_delivery_by_status"),
        ]

    def __str__(self) -> str:
        return _("Delivery of %(event)s") % {"event": self.event_id}
