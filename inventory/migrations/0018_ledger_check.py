"""What the last check of all stock has found: a clean one leaves no event."""

from django.db import migrations, models

import common.database


class Migration(migrations.Migration):
    dependencies = [("inventory", "0017_applied_count_lines")]

    operations = [
        migrations.CreateModel(
            name="LedgerCheck",
            fields=[
                (
                    "id",
                    models.SmallIntegerField(
                        default=1, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "checked_at",
                    models.DateTimeField(
                        db_default=common.database.ClockTimestamp(), editable=False
                    ),
                ),
                ("differences", models.PositiveIntegerField()),
            ],
            options={
                "default_permissions": (),
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("id", 1)), name="ledger_check_is_one"
                    )
                ],
            },
        )
    ]
