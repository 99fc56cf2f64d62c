"""What a count sheet has put in the ledger is found without walking through its lines."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("inventory", "0016_replenishment")]

    operations = [
        AddIndexConcurrently(
            model_name="countline",
            index=models.Index(
                fields=["sheet", "movement"],
                condition=models.Q(("movement__isnull", False)),
                name="count_line_applied",
            ),
        )
    ]
