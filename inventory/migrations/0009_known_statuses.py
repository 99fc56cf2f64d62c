"""The database refuses a status that nobody knows, and quantities past what a level can hold.

New rows first, without reading those that are there; 0010 reads them while the tables are used.
"""

from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("inventory", "0008_counted_low_levels")]

    operations = [
        AddConstraintNotValid(
            "batch",
            models.CheckConstraint(
                condition=models.Q(quantity__lte=10**12), name="batch_quantity_limit"
            ),
        ),
        AddConstraintNotValid(
            "reservation",
            models.CheckConstraint(
                condition=models.Q(
                    status__in=["active", "confirmed", "shipped", "released", "expired"]
                ),
                name="reservation_status_known",
            ),
        ),
        AddConstraintNotValid(
            "reservationline",
            models.CheckConstraint(
                condition=models.Q(quantity__lte=10**12), name="reservation_line_quantity_limit"
            ),
        ),
    ]
