"""The ledger is append-only, and the default location exists (RULES S6)."""

from typing import Any

from django.db import migrations

REFUSE = """
CREATE FUNCTION inventory_ledger_is_append_only() RETURNS trigger
LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'stock movements are append-only: write the opposite movement instead'
        USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER stock_movement_append_only
    BEFORE UPDATE OR DELETE ON inventory_stockmovement
    FOR EACH ROW EXECUTE FUNCTION inventory_ledger_is_append_only();
"""
ALLOW = """
DROP TRIGGER stock_movement_append_only ON inventory_stockmovement;
DROP FUNCTION inventory_ledger_is_append_only();
"""


def make_default_location(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    location = apps.get_model("inventory", "Location")
    location.objects.get_or_create(code="main", defaults={"name": "Main"})


class Migration(migrations.Migration):
    dependencies = [("inventory", "0001_initial")]

    operations = [
        migrations.RunSQL(REFUSE, ALLOW),
        migrations.RunPython(make_default_location, migrations.RunPython.noop),
    ]
