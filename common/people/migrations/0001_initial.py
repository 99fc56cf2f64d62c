"""Sessions of staff, and the audit trail."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import common.database
import common.ids


class Migration(migrations.Migration):
    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="AuditEntry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("occurred_at", models.DateTimeField(db_default=common.database.ClockTimestamp())),
                ("actor", models.CharField(max_length=255)),
                ("request_id", models.CharField(blank=True, max_length=128)),
                (
                    "door",
                    models.CharField(
                        choices=[
                            ("back office", "back office"),
                            ("API", "API"),
                            ("command or job", "command or job"),
                            ("database", "database"),
                        ],
                        max_length=16,
                    ),
                ),
                (
                    "action",
                    models.CharField(
                        choices=[
                            ("added", "added"),
                            ("changed", "changed"),
                            ("deleted", "deleted"),
                        ],
                        max_length=8,
                    ),
                ),
                ("subject_type", models.CharField(max_length=64)),
                ("subject_id", models.CharField(max_length=64)),
                ("subject_text", models.CharField(max_length=600)),
                ("changes", models.JSONField(default=list)),
            ],
            options={
                "verbose_name": "change",
                "verbose_name_plural": "changes",
                "default_permissions": ("view",),
                "indexes": [
                    models.Index(fields=["occurred_at", "id"], name="audit_by_time"),
                    models.Index(fields=["actor", "occurred_at", "id"], name="audit_of_actor"),
                    models.Index(
                        fields=["subject_type", "occurred_at", "id"], name="audit_of_type"
                    ),
                    models.Index(
                        fields=["subject_id", "subject_type", "occurred_at", "id"],
                        name="audit_of_subject",
                    ),
                    models.Index(
                        fields=["subject_text", "occurred_at", "id"], name="audit_of_name"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("action__in", ["added", "changed", "deleted"])),
                        name="audit_action_known",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffSession",
            fields=[
                (
                    "session_key",
                    models.CharField(
                        max_length=40, primary_key=True, serialize=False, verbose_name="session key"
                    ),
                ),
                ("session_data", models.TextField(verbose_name="session data")),
                ("expire_date", models.DateTimeField(db_index=True, verbose_name="expire date")),
                ("id", models.UUIDField(default=common.ids.new_id, editable=False)),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("address", models.GenericIPAddressField(null=True)),
                ("agent", models.CharField(blank=True, max_length=255)),
                (
                    "user",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="sessions",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "session",
                "verbose_name_plural": "sessions",
                "default_permissions": ("view", "delete"),
                "indexes": [models.Index(fields=["expire_date"], name="staff_session_end")],
                "constraints": [
                    models.UniqueConstraint(fields=("id",), name="staff_session_id_unique")
                ],
            },
        ),
    ]
