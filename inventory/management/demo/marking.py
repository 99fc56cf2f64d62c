"""Which database is a demo's, and emptying such a one (RULES S6).

The mark is a comment on the ledger's table. It commits together with the demo data, goes into a
backup and comes back with it, and whoever looks at the table sees it.
"""

from __future__ import annotations

from typing import Final

from django.apps import apps
from django.db import connection, transaction

from common.database import in_transaction
from inventory.models import Location
from products import cache

MARK: Final = "Demo data: `manage.py seed_demo --clear` empties this database."
EMPTIED: Final = ("products", "inventory", "events", "idempotency")
"""The apps whose tables are emptied; API keys and staff stay."""


def is_marked() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description('inventory_stockmovement'::regclass, 'pg_class')")
        (comment,) = cursor.fetchone()
    return bool(comment == MARK)


def mark() -> None:
    with connection.cursor() as cursor:
        cursor.execute("COMMENT ON TABLE inventory_stockmovement IS %s", [MARK])


@in_transaction
def empty() -> None:
    """Remove catalogue, stock, ledger and events, with the mark. The caller has seen the mark."""
    models = [model for label in EMPTIED for model in apps.get_app_config(label).get_models()]
    tables = ", ".join(model._meta.db_table for model in models)  # noqa: SLF001  Django's API
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables}")
        cursor.execute("COMMENT ON TABLE inventory_stockmovement IS NULL")
    Location.objects.default()
    transaction.on_commit(cache.forget_all, robust=True)
