"""What finds events by their place in the order, and nothing that writing them has to keep."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models

UNIQUE = """
CREATE UNIQUE INDEX CONCURRENTLY event_sequence_unique ON public.events_event (sequence)
WHERE sequence IS NOT NULL
"""
NO_UNIQUE = "DROP INDEX CONCURRENTLY IF EXISTS public.event_sequence_unique"


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("events", "0002_order_of_events")]

    operations = [
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("sequence__isnull", True)),
                fields=["position"],
                name="event_unnumbered",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("sequence__isnull", False)),
                fields=["type", "sequence"],
                name="event_of_type",
            ),
        ),
        AddIndexConcurrently(
            model_name="event",
            index=models.Index(
                condition=models.Q(("sequence__isnull", False)),
                fields=["subject_type", "subject_id", "sequence"],
                name="event_of_subject",
            ),
        ),
        migrations.SeparateDatabaseAndState(
            [migrations.RunSQL(UNIQUE, NO_UNIQUE)],
            [
                migrations.AddConstraint(
                    model_name="event",
                    constraint=models.UniqueConstraint(
                        condition=models.Q(("sequence__isnull", False)),
                        fields=("sequence",),
                        name="event_sequence_unique",
                    ),
                )
            ],
        ),
        migrations.AlterField(
            model_name="event",
            name="sequence",
            field=models.BigIntegerField(editable=False, null=True),
        ),
        RemoveIndexConcurrently(model_name="event", name="event_unsequenced"),
    ]
