"""Receiving a batch is a permission of its own; whoever may change batches need not have it."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [("inventory", "0006_incoming_eta_valid")]

    operations = [
        migrations.AlterModelOptions(
            name="batch",
            options={
                "permissions": [("receive_batch", "Can receive a batch")],
                "verbose_name_plural": "batches",
            },
        )
    ]
