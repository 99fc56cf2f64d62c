"""A count that another one takes the place of stays known: in the trail of its sheet.

One more unit on a line, as each scan counts it, takes nothing away and is not told, unless another
person had counted before. What is applied is in the ledger.
"""

from django.db import migrations

TRIGGERS = """
CREATE FUNCTION people_audit_count() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM people_audit_write(
        'changed', 'inventory.countsheet', NEW.sheet_id::text,
        (SELECT name FROM inventory_countsheet WHERE id = NEW.sheet_id),
        jsonb_build_array(jsonb_build_object(
            'field', (
                SELECT sku FROM products_product p JOIN inventory_stocklevel s ON s.product_id = p.id
                WHERE s.id = NEW.stock_level_id
            ),
            'old', OLD.counted, 'new', NEW.counted
        ))
    );
    RETURN NULL;
END
$$;
CREATE TRIGGER audited AFTER UPDATE OF counted ON inventory_countline
    FOR EACH ROW WHEN (
        OLD.counted IS NOT NULL AND NEW.counted IS DISTINCT FROM OLD.counted
        AND (NEW.counted IS NULL OR NEW.counted < OLD.counted OR NEW.counted_by <> OLD.counted_by)
    ) EXECUTE FUNCTION people_audit_count();
CREATE TRIGGER audited AFTER UPDATE ON inventory_countsheet
    FOR EACH ROW EXECUTE FUNCTION people_audit_row(
        'inventory.countsheet', 'name', 'version,created_at,updated_at', '', ''
    );
"""
WITHOUT = """
DROP TRIGGER audited ON inventory_countsheet;
DROP TRIGGER audited ON inventory_countline;
DROP FUNCTION people_audit_count;
"""


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0002_audit_trail"),
        ("inventory", "0014_counts_days_and_snoozing"),
    ]

    operations = [migrations.RunSQL(TRIGGERS, WITHOUT)]
