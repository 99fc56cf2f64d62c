"""Triggers that write down who changed what, and one that lets nobody change what they wrote.

Who it was, ``common.people.audit`` leaves in the transaction. Of columns that are secret or
personal the trail says that they changed; of a webhook's URL it tells the host.
"""

from django.db import migrations

FUNCTIONS = """
CREATE FUNCTION people_audit_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the audit trail is append-only' USING ERRCODE = 'restrict_violation';
END
$$;
CREATE TRIGGER audit_append_only BEFORE UPDATE OR DELETE ON people_auditentry
    FOR EACH ROW EXECUTE FUNCTION people_audit_is_append_only();

CREATE FUNCTION people_audit_write(
    action text, type text, id text, shown text, changes jsonb
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    told text := nullif(current_setting('stockroom.actor', true), '');
BEGIN
    INSERT INTO people_auditentry (
        actor, request_id, door, action, subject_type, subject_id, subject_text, changes
    ) VALUES (
        coalesce(told, session_user),
        CASE WHEN told IS NULL THEN ''
             ELSE coalesce(current_setting('stockroom.request_id', true), '') END,
        CASE WHEN told IS NULL THEN 'database'
             ELSE coalesce(nullif(current_setting('stockroom.door', true), ''), 'database') END,
        action, type, id, left(coalesce(shown, id), 600), changes
    );
END
$$;

CREATE FUNCTION people_audit_value(name text, value jsonb) RETURNS jsonb
LANGUAGE plpgsql STABLE AS $$
BEGIN
    IF value IS NULL OR value = 'null' THEN
        RETURN NULL;
    ELSIF name IN ('category_id', 'parent_id') THEN
        RETURN coalesce(
            (SELECT to_jsonb(c.name) FROM products_category c WHERE c.id = (value #>> '{}')::uuid),
            value
        );
    ELSIF name = 'url' THEN
        RETURN to_jsonb(split_part(value #>> '{}', '/', 3));
    END IF;
    RETURN value;
END
$$;

CREATE FUNCTION people_audit_changes(
    before jsonb, after jsonb, ignored text[], masked text[]
) RETURNS jsonb LANGUAGE sql STABLE AS $$
    SELECT coalesce(jsonb_agg(
        CASE WHEN name = ANY (masked) THEN jsonb_build_object('field', name)
        ELSE jsonb_build_object(
            'field', regexp_replace(name, '_id$', ''),
            'old', people_audit_value(name, before -> name),
            'new', people_audit_value(name, after -> name)
        ) END ORDER BY name
    ), '[]')
    FROM jsonb_object_keys(before || after) AS name
    WHERE coalesce(before -> name, 'null') <> coalesce(after -> name, 'null')
        AND name <> 'id' AND name <> ALL (ignored)
$$;

-- Arguments: what kind of row it is, the column that names it, columns that are no change,
-- columns of which no value is told, and whether a new row's values are told.
CREATE FUNCTION people_audit_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    before jsonb := CASE WHEN TG_OP = 'INSERT' THEN '{}' ELSE to_jsonb(OLD) END;
    after jsonb := CASE WHEN TG_OP = 'DELETE' THEN '{}' ELSE to_jsonb(NEW) END;
    it jsonb := before || after;
    action text := CASE TG_OP WHEN 'INSERT' THEN 'added' WHEN 'UPDATE' THEN 'changed'
        ELSE 'deleted' END;
    changes jsonb := '[]';
BEGIN
    IF TG_OP <> 'INSERT' OR TG_ARGV[4] = 'values' THEN
        changes := people_audit_changes(
            before, after, string_to_array(TG_ARGV[2], ','), string_to_array(TG_ARGV[3], ',')
        );
    END IF;
    IF TG_OP = 'UPDATE' AND before ->> 'deleted_at' IS NULL AND after ->> 'deleted_at' IS NOT NULL
    THEN
        action := 'deleted';
    ELSIF TG_OP = 'UPDATE' AND changes = '[]' THEN
        RETURN NULL;
    END IF;
    PERFORM people_audit_write(
        action, TG_ARGV[0], it ->> 'id',
        people_audit_value(TG_ARGV[1], it -> TG_ARGV[1]) #>> '{}', changes
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION people_audit_level() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changes jsonb := people_audit_changes(
        to_jsonb(OLD), to_jsonb(NEW),
        ARRAY(
            SELECT name FROM jsonb_object_keys(to_jsonb(NEW)) AS name WHERE name NOT IN
                ('reorder_point', 'reorder_quantity', 'safety_stock', 'snoozed_until')
        ), '{}'
    );
BEGIN
    IF changes <> '[]' THEN
        PERFORM people_audit_write(
            'changed', 'inventory.stocklevel', NEW.id::text,
            (SELECT sku FROM products_product WHERE id = NEW.product_id) || ' @ '
                || (SELECT name FROM inventory_location WHERE id = NEW.location_id), changes
        );
    END IF;
    RETURN NULL;
END
$$;

-- For rows that join two others: one entry for each row on the first side, with all that it
-- was given or lost in the statement.
CREATE FUNCTION people_audit_links() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    side text := CASE TG_OP WHEN 'INSERT' THEN 'new' ELSE 'old' END;
    one record;
BEGIN
    FOR one IN EXECUTE format(
        'SELECT link.%1$I AS id, jsonb_agg(jsonb_build_object(''field'', %2$L, %3$L, %4$s)'
            ' ORDER BY %4$s) AS changes FROM links AS link JOIN %5$s GROUP BY link.%1$I',
        TG_ARGV[1], TG_ARGV[2], side, TG_ARGV[4], TG_ARGV[3]
    ) LOOP
        PERFORM people_audit_write(
            'changed', TG_ARGV[0], one.id::text,
            CASE TG_ARGV[0] WHEN 'auth.user'
                THEN (SELECT username FROM auth_user WHERE id = one.id)
                ELSE (SELECT name FROM auth_group WHERE id = one.id) END,
            one.changes
        );
    END LOOP;
    RETURN NULL;
END
$$;

CREATE FUNCTION people_audit_key_secret() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM people_audit_write(
        'changed', 'access.apikey', NEW.key_id::text,
        (SELECT name FROM access_apikey WHERE id = NEW.key_id), '[{"field": "secret"}]'
    );
    RETURN NULL;
END
$$;

CREATE FUNCTION people_audit_device() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    was boolean := TG_OP <> 'INSERT' AND OLD.confirmed;
    is_now boolean := TG_OP <> 'DELETE' AND NEW.confirmed;
    owner integer := CASE TG_OP WHEN 'DELETE' THEN OLD.user_id ELSE NEW.user_id END;
BEGIN
    IF was IS DISTINCT FROM is_now THEN
        PERFORM people_audit_write(
            'changed', 'auth.user', owner::text,
            (SELECT username FROM auth_user WHERE id = owner),
            jsonb_build_array(jsonb_build_object(
                'field', 'authenticator_app', 'old', was, 'new', is_now
            ))
        );
    END IF;
    RETURN NULL;
END
$$;
"""

STAMPS = "version,created_at,updated_at,created_by"
PERSONAL = "password,email,first_name,last_name"
ROWS = {
    "products_product": (
        "products.product", "sku", f"{STAMPS},deleted_at,search,name_order", "", "",
    ),
    "products_category": ("products.category", "name", f"{STAMPS},name_order", "", "values"),
    "inventory_location": ("inventory.location", "name", STAMPS, "", "values"),
    "access_apikey": ("access.apikey", "name", f"{STAMPS},last_used_at", "", "values"),
    "webhooks_webhookendpoint": (
        "webhooks.webhookendpoint", "url",
        f"{STAMPS},deleted_at,failing_since,previous_secret,previous_secret_until", "secret",
        "values",
    ),
    "auth_user": ("auth.user", "username", "last_login,date_joined", PERSONAL, "values"),
    "auth_group": ("auth.group", "name", "", "", "values"),
}  # fmt: skip
PERMISSION = (
    "auth_permission p ON p.id = link.permission_id"
    " JOIN django_content_type t ON t.id = p.content_type_id"
)
PERMISSION_NAME = "t.app_label || ''.'' || p.codename"
LINKS = {
    "auth_user_groups": (
        "auth.user", "user_id", "groups", "auth_group g ON g.id = link.group_id", "g.name",
    ),
    "auth_user_user_permissions": (
        "auth.user", "user_id", "permissions", PERMISSION, PERMISSION_NAME,
    ),
    "auth_group_permissions": (
        "auth.group", "group_id", "permissions", PERMISSION, PERMISSION_NAME,
    ),
}  # fmt: skip


def _arguments(values: tuple[str, ...]) -> str:
    return ", ".join(f"'{value}'" for value in values)


def _row_trigger(table: str) -> str:
    return (
        f"CREATE TRIGGER audited AFTER INSERT OR UPDATE OR DELETE ON {table}"
        f" FOR EACH ROW EXECUTE FUNCTION people_audit_row({_arguments(ROWS[table])});"
    )


def _link_triggers(table: str) -> str:
    calls = f"FOR EACH STATEMENT EXECUTE FUNCTION people_audit_links({_arguments(LINKS[table])})"
    return (
        f"CREATE TRIGGER audited_given AFTER INSERT ON {table}"
        f" REFERENCING NEW TABLE AS links {calls};"
        f"CREATE TRIGGER audited_lost AFTER DELETE ON {table}"
        f" REFERENCING OLD TABLE AS links {calls};"
    )


OTHERS = """
CREATE TRIGGER audited
    AFTER UPDATE OF reorder_point, reorder_quantity, safety_stock, snoozed_until
    ON inventory_stocklevel FOR EACH ROW EXECUTE FUNCTION people_audit_level();
CREATE TRIGGER audited AFTER INSERT ON access_apikeysecret
    FOR EACH ROW EXECUTE FUNCTION people_audit_key_secret();
CREATE TRIGGER audited AFTER INSERT OR UPDATE OF confirmed OR DELETE ON otp_totp_totpdevice
    FOR EACH ROW EXECUTE FUNCTION people_audit_device();
"""
TRIGGERS = [*map(_row_trigger, ROWS), *map(_link_triggers, LINKS), OTHERS]
WITHOUT = "".join(
    [
        *(f"DROP TRIGGER audited ON {table};" for table in ROWS),
        *(
            f"DROP TRIGGER {name} ON {table};"
            for table in LINKS
            for name in ("audited_given", "audited_lost")
        ),
        *(
            f"DROP TRIGGER audited ON {table};"
            for table in ("inventory_stocklevel", "access_apikeysecret", "otp_totp_totpdevice")
        ),
        "DROP TRIGGER audit_append_only ON people_auditentry;",
        *(
            f"DROP FUNCTION people_audit_{name};"
            for name in (
                "is_append_only", "row", "level", "links", "key_secret", "device", "changes",
                "value", "write",
            )
        ),
    ]
)  # fmt: skip


class Migration(migrations.Migration):
    dependencies = [
        ("people", "0001_initial"),
        ("access", "0001_api_keys"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("inventory", "0014_counts_days_and_snoozing"),
        ("otp_totp", "0003_add_timestamps"),
        ("products", "0004_indexes_for_a_million"),
        ("webhooks", "0001_initial"),
    ]

    operations = [migrations.RunSQL(FUNCTIONS + "".join(TRIGGERS), WITHOUT)]
