"""``manage.py migrate``: Django's, careful with a database that is in use."""

from __future__ import annotations

from typing import Any, Final

from django.core.management.commands import migrate
from django.db import connections

WHILE_MIGRATING: Final = {"lock_timeout": "1s", "statement_timeout": "0"}
ROLE_DEFAULTS: Final = {
    "lock_timeout": "2s",
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
}


class Command(migrate.Command):
    """Waits for a lock one second at the most, so that traffic is not held up behind it.

    Afterwards the time-outs that every request lives under are made defaults of this role in
    this database (RULES S5): a start-up option would be lost behind PgBouncer.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        with connections[options["database"]].cursor() as cursor:
            for name, value in WHILE_MIGRATING.items():
                cursor.execute(f"SET {name} = '{value}'")
        super().handle(*args, **options)
        if not options["plan"] and not options["check_unapplied"]:
            self._set_role_defaults(options["database"])

    def _set_role_defaults(self, alias: str) -> None:
        connection = connections[alias]
        quote = connection.ops.quote_name
        with connection.cursor() as cursor:
            cursor.execute("SELECT current_user, current_database()")
            role, database = cursor.fetchone()
            for name, value in ROLE_DEFAULTS.items():
                cursor.execute(
                    f"ALTER ROLE {quote(role)} IN DATABASE {quote(database)} SET {name} = '{value}'"
                )
                cursor.execute(f"SET {name} = '{value}'")
