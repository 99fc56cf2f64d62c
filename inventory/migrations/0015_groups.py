"""The five groups that staff are put in, with what each may do."""

from typing import Any

from django.db import migrations

from common.people.groups import give

VIEW_CATALOGUE = ["products.view_product", "products.view_category"]
VIEW_STOCK = [
    f"inventory.view_{name}"
    for name in ("stocklevel", "stockmovement", "transfer", "location", "batch", "reservation")
]
IMPORT = [f"importing.{verb}_import" for verb in ("add", "undo", "view")]
VIEW_COUNTS = [f"inventory.view_{name}" for name in ("countsheet", "countline", "stockday")]

CATALOGUE_EDITOR = [
    *VIEW_CATALOGUE,
    *(
        f"products.{verb}_{name}"
        for verb in ("add", "change", "delete")
        for name in ("product", "category")
    ),
    *IMPORT,
    "inventory.view_stocklevel",
    "inventory.view_location",
]
WAREHOUSE_CLERK = [
    *VIEW_CATALOGUE,
    *VIEW_STOCK,
    *VIEW_COUNTS,
    *IMPORT,
    "inventory.add_stocklevel",
    "inventory.receive_stock",
    "inventory.adjust_stock",
    "inventory.count_stock",
    "inventory.transfer_stock",
    "inventory.reverse_movement",
    "inventory.receive_batch",
    "inventory.change_reservation",
    "inventory.extend_reservation",
    "inventory.release_reservation",
    "inventory.add_countsheet",
    "inventory.change_countsheet",
    "inventory.change_countline",
    "inventory.apply_countsheet",
]
PURCHASING = [
    *VIEW_CATALOGUE,
    *VIEW_STOCK,
    *IMPORT,
    "inventory.view_stockday",
    "inventory.change_stocklevel",
    "inventory.add_batch",
    "inventory.change_batch",
]
AUDITOR = [
    *VIEW_CATALOGUE,
    *VIEW_STOCK,
    *VIEW_COUNTS,
    "inventory.view_allocation",
    "inventory.view_reservationline",
    "access.view_apikey",
    "auth.view_group",
    "auth.view_user",
    "events.view_event",
    "importing.view_import",
    "inbox.view_inboxmessage",
    "people.view_auditentry",
    "webhooks.view_webhookdelivery",
    "webhooks.view_webhookendpoint",
]
ADMINISTRATOR = [
    *CATALOGUE_EDITOR,
    *WAREHOUSE_CLERK,
    *PURCHASING,
    *AUDITOR,
    "inventory.delete_countsheet",
    *(f"inventory.{verb}_location" for verb in ("add", "change", "delete")),
    *(f"auth.{verb}_{name}" for verb in ("add", "change", "delete") for name in ("user", "group")),
    *(f"webhooks.{verb}_webhookendpoint" for verb in ("add", "change", "delete")),
    "access.add_apikey",
    "access.change_apikey",
    "people.delete_staffsession",
    "people.view_staffsession",
]
"""All that any of them may do: nobody gives a permission that they do not have themselves."""

GROUPS = {
    "Catalogue editor": CATALOGUE_EDITOR,
    "Warehouse clerk": WAREHOUSE_CLERK,
    "Purchasing": PURCHASING,
    "Auditor": AUDITOR,
    "Administrator": ADMINISTRATOR,
}


def make_groups(apps: Any, schema_editor: Any) -> None:  # noqa: ARG001
    give(apps, GROUPS)


class Migration(migrations.Migration):
    dependencies = [
        ("access", "0001_api_keys"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        ("events", "0004_readers"),
        ("importing", "0001_imports"),
        ("inbox", "0001_initial"),
        ("inventory", "0014_counts_days_and_snoozing"),
        ("people", "0002_audit_trail"),
        ("products", "0004_indexes_for_a_million"),
        ("webhooks", "0001_initial"),
    ]

    operations = [migrations.RunPython(make_groups, migrations.RunPython.noop)]
