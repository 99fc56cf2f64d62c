"""What lets long lists of batches and reservations be sorted without reading all of them."""

from django.contrib.postgres.operations import AddIndexConcurrently
from django.db import migrations, models

INDEXES = [
    ("batch", "created_at", "batch_by_creation"),
    ("reservation", "created_at", "reservation_by_creation"),
    ("reservation", "expires_at", "reservation_by_expiry"),
]


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("inventory", "0012_alerts_valid")]

    operations = [
        AddIndexConcurrently(model_name=model, index=models.Index(fields=[column, "id"], name=name))
        for model, column, name in INDEXES
    ]
