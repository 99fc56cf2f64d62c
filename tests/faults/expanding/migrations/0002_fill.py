"""Outside of a transaction: an index without a lock, the rule for the rows that are there."""

from django.db import migrations

INDEX = "CREATE INDEX CONCURRENTLY expanding_movements ON inventory_stockmovement (delta, id)"
NO_INDEX = "DROP INDEX CONCURRENTLY expanding_movements"
VALIDATE = "ALTER TABLE inventory_stockmovement VALIDATE CONSTRAINT expanding_delta"


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("expanding", "0001_expand")]
    operations = [
        migrations.RunSQL(INDEX, NO_INDEX),
        migrations.RunSQL(VALIDATE, migrations.RunSQL.noop),
    ]
