"""What the linter of migrations refuses: a default that is computed for every row, under a lock.

A millisecond for each of a few thousand rows stands for a table of millions.
"""

from django.db import migrations

REWRITE = """
CREATE FUNCTION expanding_slowly() RETURNS int VOLATILE LANGUAGE sql AS
    'SELECT 1 FROM pg_sleep(0.001)';
ALTER TABLE inventory_stocklevel ADD COLUMN computed int DEFAULT expanding_slowly();
"""
BACK = """
ALTER TABLE inventory_stocklevel DROP COLUMN computed;
DROP FUNCTION expanding_slowly();
"""


class Migration(migrations.Migration):
    dependencies = [("expanding", "0002_fill")]
    operations = [migrations.RunSQL(REWRITE, BACK)]
