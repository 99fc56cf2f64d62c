"""PostgreSQL keeps statistics on how many stock levels are low: it cannot guess it (make bench)."""

from django.db import migrations

STATISTICS = """
CREATE STATISTICS stock_level_low_share ON (available <= reorder_point)
FROM inventory_stocklevel;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "0002_append_only_ledger")]

    operations = [migrations.RunSQL(STATISTICS, "DROP STATISTICS stock_level_low_share;")]
