"""A list of its own for what is to be ordered; no table."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0015_groups"),
    ]

    operations = [
        migrations.CreateModel(
            name="Replenishment",
            fields=[],
            options={
                "verbose_name": "level to replenish",
                "verbose_name_plural": "levels to replenish",
                "proxy": True,
                "default_permissions": (),
                "indexes": [],
                "constraints": [],
            },
            bases=("inventory.stocklevel",),
        ),
    ]
