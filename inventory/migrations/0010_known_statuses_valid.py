"""The rows that were there before agree with the constraints: no door let others in."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("inventory", "0009_known_statuses")]

    operations = [
        ValidateConstraint("batch", "batch_quantity_limit"),
        ValidateConstraint("reservation", "reservation_status_known"),
        ValidateConstraint("reservationline", "reservation_line_quantity_limit"),
    ]
