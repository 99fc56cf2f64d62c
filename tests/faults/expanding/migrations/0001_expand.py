"""Columns that may be empty or have a constant default, and a rule that is not looked at yet."""

from django.db import migrations

EXPAND = """
ALTER TABLE products_product ADD COLUMN shelf text;
ALTER TABLE inventory_stocklevel ADD COLUMN counted_at timestamptz, ADD COLUMN zone int DEFAULT 0;
ALTER TABLE inventory_stockmovement ADD CONSTRAINT expanding_delta CHECK (delta <> 0) NOT VALID;
"""
BACK = """
ALTER TABLE inventory_stockmovement DROP CONSTRAINT expanding_delta;
ALTER TABLE inventory_stocklevel DROP COLUMN counted_at, DROP COLUMN zone;
ALTER TABLE products_product DROP COLUMN shelf;
"""


class Migration(migrations.Migration):
    dependencies = [("inventory", "__latest__"), ("products", "__latest__")]
    operations = [migrations.RunSQL(EXPAND, BACK)]
