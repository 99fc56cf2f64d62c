"""What is low is asked for in the form that PostgreSQL's statistics know (0003)."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models.lookups import LessThanOrEqual

from common.database import IsTrue


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("inventory", "0007_receive_batch_permission")]

    operations = [
        AddIndexConcurrently(
            "stocklevel",
            models.Index(
                fields=["id"],
                include=["product", "location"],
                condition=models.Q(
                    IsTrue(LessThanOrEqual(models.F("available"), models.F("reorder_point")))
                ),
                name="stock_level_is_low",
            ),
        ),
        RemoveIndexConcurrently("stocklevel", "stock_level_low"),
    ]
