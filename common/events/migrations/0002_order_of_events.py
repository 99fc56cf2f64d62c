"""The order of writing, and the one row that gives events their place in the public order."""

from django.db import migrations, models

import common.database

POSITIONS = "CREATE SEQUENCE public.events_position"
NO_POSITIONS = "DROP SEQUENCE public.events_position"


class Migration(migrations.Migration):
    dependencies = [("events", "0001_initial")]

    operations = [
        migrations.CreateModel(
            name="Sequencer",
            fields=[
                ("id", models.SmallIntegerField(default=1, primary_key=True, serialize=False)),
                ("last", models.BigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("id", 1)), name="sequencer_is_one"),
                    models.CheckConstraint(
                        condition=models.Q(("last__gte", 0)), name="sequencer_not_negative"
                    ),
                ],
            },
        ),
        migrations.RunSQL(POSITIONS, NO_POSITIONS),
        migrations.AddField(
            model_name="event",
            name="position",
            field=models.BigIntegerField(
                db_default=common.database.NextOf("events_position"), editable=False
            ),
        ),
    ]
