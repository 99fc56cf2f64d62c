"""What others have been told of a stock level."""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0010_known_statuses_valid")]

    operations = [
        migrations.AddField(
            model_name="stocklevel",
            name="alert",
            field=models.CharField(
                blank=True,
                choices=[("low", "Low"), ("out", "Out")],
                db_default="",
                default="",
                editable=False,
                max_length=8,
            ),
        ),
        AddConstraintNotValid(
            model_name="stocklevel",
            constraint=models.CheckConstraint(
                condition=models.Q(("alert__in", ["", "low", "out"])),
                name="stock_level_alert_known",
            ),
        ),
    ]
