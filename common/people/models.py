"""The tables of people: who is logged in where, and who has changed what."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from common.database import ClockTimestamp
from common.ids import new_id


class StaffSession(AbstractBaseSession):
    """One browser that is logged in, or is about to be. Written by ``common.access.sessions``.

    Where it is used from stands in the session's own row, so that it is kept no longer than the
    session. ``id`` names the session on pages; its key is as good as a password. ``seen_at`` is
    the last request, give or take a minute.
    """

    id = models.UUIDField(default=new_id, editable=False)
    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="sessions")
    started_at = models.DateTimeField(default=timezone.now)
    seen_at = models.DateTimeField(default=timezone.now)
    address = models.GenericIPAddressField(null=True)
    agent = models.CharField(max_length=255, blank=True)

    class Meta:
        verbose_name = _("session")
        verbose_name_plural = _("sessions")
        default_permissions = ("view", "delete")
        constraints = [models.UniqueConstraint(fields=["id"], name="staff_session_id_unique")]
        indexes = [models.Index(fields=["expire_date"], name="staff_session_end")]

    def __str__(self) -> str:
        return str(self.id)

    @classmethod
    def get_session_store_class(cls) -> Any:
        from common.access.sessions import SessionStore  # noqa: PLC0415  each needs the other

        return SessionStore


class AuditEntry(models.Model):
    """Somebody added, changed or deleted a row. Never edited, never deleted.

    Written by triggers of the tables (``migrations/0001_initial.py``), so through whichever door
    the change came. ``changes`` is a list of ``{"field", "old", "new"}``; of what is secret or
    personal there is the field alone. ``actor`` is who caused it, and where no request, command
    or job did, the role in the database; ``door`` says which of them.
    """

    class Action(models.TextChoices):
        ADDED = "added", _("added")
        CHANGED = "changed", _("changed")
        DELETED = "deleted", _("deleted")

    class Door(models.TextChoices):
        BACK_OFFICE = "back office", _("back office")
        API = "API", _("API")
        JOB = "command or job", _("command or job")
        DATABASE = "database", _("database")

    occurred_at = models.DateTimeField(db_default=ClockTimestamp())
    actor = models.CharField(max_length=255)
    request_id = models.CharField(max_length=128, blank=True)
    door = models.CharField(max_length=16, choices=Door.choices)
    action = models.CharField(max_length=8, choices=Action.choices)
    subject_type = models.CharField(max_length=64)
    subject_id = models.CharField(max_length=64)
    subject_text = models.CharField(max_length=600)
    changes = models.JSONField(default=list)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        default_permissions = ("view",)
        constraints = [
            models.CheckConstraint(
                condition=Q(action__in=["added", "changed", "deleted"]), name="audit_action_known"
            ),
        ]
        indexes = [
            models.Index(fields=["occurred_at", "id"], name="audit_by_time"),
            models.Index(fields=["actor", "occurred_at", "id"], name="audit_of_actor"),
            models.Index(fields=["subject_type", "occurred_at", "id"], name="audit_of_type"),
            models.Index(
                fields=["subject_id", "subject_type", "occurred_at", "id"], name="audit_of_subject"
            ),
            models.Index(fields=["subject_text", "occurred_at", "id"], name="audit_of_name"),
        ]

    def __str__(self) -> str:
        return _("%(subject)s %(action)s by %(actor)s") % {
            "subject": self.subject_text,
            "action": self.get_action_display(),
            "actor": self.actor,
        }
