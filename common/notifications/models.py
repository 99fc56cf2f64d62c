"""The tables of notifications: who wants to hear of what, and what was mailed to them."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from common.database import ClockTimestamp
from common.ids import new_id


class Topic(models.TextChoices):
    """What staff can be told of, in the order in which a mail tells it."""

    OUT = "out", _("Out of stock")
    LOW = "low", _("Low stock")
    SLIPPED = "slipped", _("Deliveries that come later")
    ENDPOINT = "endpoint", _("Disabled webhooks")
    LEDGER = "ledger", _("Ledger differences")


class Mode(models.TextChoices):
    """When somebody is told."""

    AT_ONCE = "at_once", _("at once")
    DAILY = "daily", _("once a day, at 7:00")


class Recipient(User):
    """A user as somebody who gets notifications."""

    class Meta:
        proxy = True
        verbose_name = "recipient"


class Subscription(models.Model):
    """Somebody wants to hear of a topic: of what occurred after ``created_at``."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="subscriptions")
    topic = models.CharField(max_length=16, choices=Topic.choices)
    mode = models.CharField(max_length=16, choices=Mode.choices)
    created_at = models.DateTimeField(db_default=ClockTimestamp())

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["user", "topic"], name="subscription_one_for_topic"),
            models.CheckConstraint(
                condition=Q(topic__in=Topic.values), name="subscription_topic_known"
            ),
            models.CheckConstraint(
                condition=Q(mode__in=Mode.values), name="subscription_mode_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} about {self.topic}, {self.mode}"


class Mail(models.Model):
    """One message to one person. What it says is fixed when it is made; its id is in Message-ID.

    Whoever sends one holds it until ``leased_until``; a process that was killed meanwhile leaves
    it pending. ``dropped`` is what nobody can get any more: its reader is no longer staff, or the
    mail server has refused it for days. An unreachable server never drops a mail.
    """

    class Status(models.TextChoices):
        PENDING = "pending", "pending"
        SENT = "sent", "sent"
        DROPPED = "dropped", "dropped"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    mode = models.CharField(max_length=16, choices=Mode.choices)
    status = models.CharField(max_length=8, choices=Status.choices, default=Status.PENDING)
    attempt_count = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(db_default=ClockTimestamp())
    leased_until = models.DateTimeField(null=True, blank=True)
    last_error = models.CharField(max_length=255, blank=True)
    created_at = models.DateTimeField(db_default=ClockTimestamp())
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(mode__in=Mode.values), name="mail_mode_known"),
            models.CheckConstraint(
                condition=Q(status="pending", ended_at=None)
                | Q(status__in=["sent", "dropped"], ended_at__isnull=False, leased_until=None),
                name="mail_pending_until_it_ended",
            ),
            models.UniqueConstraint(
                fields=["user", "mode"],
                condition=Q(status="pending"),
                name="mail_one_pending",
            ),
        ]
        indexes = [
            models.Index(
                fields=["next_attempt_at"], condition=Q(status="pending"), name="mail_pending"
            ),
            models.Index(fields=["ended_at"], name="mail_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.mode} to {self.user_id}"


class Notification(models.Model):
    """One event for one person, never twice. Told from ``due_at`` on, by one mail.

    ``name`` is what it is about, ``sentence`` what happened, ``path`` where to look it up: kept
    here, for the event may be gone before the mail server is back.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    event_id = models.UUIDField()
    topic = models.CharField(max_length=16, choices=Topic.choices)
    mode = models.CharField(max_length=16, choices=Mode.choices)
    name = models.CharField(max_length=255)
    sentence = models.TextField()
    path = models.CharField(max_length=255, blank=True)
    due_at = models.DateTimeField()
    mail = models.ForeignKey(
        Mail, models.CASCADE, related_name="notifications", null=True, blank=True
    )

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["event_id", "user"], name="notification_once_each"),
            models.CheckConstraint(
                condition=Q(topic__in=Topic.values), name="notification_topic_known"
            ),
            models.CheckConstraint(
                condition=Q(mode__in=Mode.values), name="notification_mode_known"
            ),
        ]
        indexes = [
            models.Index(fields=["due_at"], condition=Q(mail=None), name="notification_unmailed"),
        ]

    def __str__(self) -> str:
        return self.sentence
