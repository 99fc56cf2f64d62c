"""The levels that were there before agree with the constraint: nothing was on its way."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("inventory", "0005_batches_and_reservations")]

    operations = [ValidateConstraint("stocklevel", "stock_level_incoming_eta")]
