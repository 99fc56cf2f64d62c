"""Which database is a demo's, and emptying such a one (RULES S6).

The mark is a comment on the ledger's table. It commits together with the demo data, goes into a
backup and comes back with it, and whoever looks at the table sees it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from django.apps import apps
from django.db import connection, transaction

from common.database import in_transaction
from inventory.models import Location
from products import cache

MARK: Final = "Demo data, {} products and {} movements: `seed_demo --clear` empties this database."
MARKED: Final = re.compile(r"Demo data, (\d+) products and (\d+) movements: ")
EMPTIED: Final = ("products", "inventory", "events", "idempotency", "inbox", "catalogue")
"""The apps whose tables are emptied; API keys, staff, webhook endpoints and subscriptions stay."""
SENT: Final = ("webhooks.WebhookDelivery", "notifications.Notification", "notifications.Mail")
"""What went out because of them, and is emptied too."""


@dataclass(frozen=True, slots=True)
class Size:
    """How much a demo has; beside the products, lines of the ledger."""

    products: int
    movements: int


def marked() -> Size | None:
    """The demo that was loaded into this database, if any was."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT obj_description('inventory_stockmovement'::regclass, 'pg_class')")
        (comment,) = cursor.fetchone()
    found = MARKED.match(comment or "")
    return Size(*map(int, found.groups())) if found else None


def mark(size: Size) -> None:
    with connection.cursor() as cursor:
        comment = MARK.format(size.products, size.movements)
        cursor.execute("COMMENT ON TABLE inventory_stockmovement IS %s", [comment])


def may_mark() -> bool:
    """Whether this role owns the tables: in production the application does not (ADR 11)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_has_role(relowner, 'USAGE') FROM pg_class"
            " WHERE oid = 'inventory_stockmovement'::regclass"
        )
        (is_owner,) = cursor.fetchone()
    return bool(is_owner)


@in_transaction
def empty() -> None:
    """Remove catalogue, stock, ledger and events, with the mark. The caller has seen the mark."""
    models = [model for label in EMPTIED for model in apps.get_app_config(label).get_models()]
    models += map(apps.get_model, SENT)
    tables = ", ".join(model._meta.db_table for model in models)  # noqa: SLF001  Django's API
    with connection.cursor() as cursor:
        cursor.execute(f"TRUNCATE {tables}")
        cursor.execute("COMMENT ON TABLE inventory_stockmovement IS NULL")
    Location.objects.default()
    transaction.on_commit(cache.forget_all, robust=True)
