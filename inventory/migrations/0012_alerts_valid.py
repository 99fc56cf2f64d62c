"""The rows that were there before have no alert."""

from django.contrib.postgres.operations import ValidateConstraint
from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("inventory", "0011_alerts")]

    operations = [ValidateConstraint("stocklevel", "stock_level_alert_known")]
