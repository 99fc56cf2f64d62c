"""``manage.py migrate``: Django's, careful with a database that is in use."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings
from django.core.management.commands import migrate
from django.db import OperationalError, connections
from psycopg import sql

from common.database import LOCK_NOT_AVAILABLE, sqlstate

if TYPE_CHECKING:
    from django.db.backends.utils import CursorWrapper

WHILE_MIGRATING: Final = {
    "lock_timeout": "400ms",  # everybody waits behind us, and in line for half a second at most
    "statement_timeout": "0",
}
ATTEMPTS: Final = 20
PAUSE: Final = 2.0
"""Seconds in which those who waited behind us for the table have their turn."""
ROLE_DEFAULTS: Final = {
    "lock_timeout": "1200ms",  # a row that many want is waited for twice: ADR 15
    "statement_timeout": "10s",
    "idle_in_transaction_session_timeout": "15s",
}
# Not TRUNCATE, which would empty the ledger past its trigger (RULES S6).
ADMISSION: Final = (
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO {role}",
)


class Command(migrate.Command):
    """Waits for a lock less than half a second, so that traffic is not held up behind it.

    Where that was not enough, it lets the traffic pass and tries again, a few times: what is
    done stays done, and the migration that was held up has changed nothing if it is atomic.

    Afterwards the time-outs that every request lives under are made defaults of this role in
    this database (RULES S5): a start-up option would be lost behind PgBouncer. Where the
    application connects as another role (DATABASE_APP_ROLE), of which this one must be a member,
    that role gets them too, and may read and write the tables.

    What is no PostgreSQL has no tables: whoever fills it makes what it needs.
    """

    def handle(self, *args: Any, **options: Any) -> None:
        if connections[options["database"]].vendor != "postgresql":
            return
        with connections[options["database"]].cursor() as cursor:
            _set(cursor, WHILE_MIGRATING)
            self._migrate(*args, **options)
            if options["plan"] or options["check_unapplied"]:
                return
            _set_role_defaults(cursor)
            _set(cursor, ROLE_DEFAULTS)
            if app_role := settings.DATABASE_APP_ROLE:
                _admit(cursor, sql.Identifier(app_role))

    def _migrate(self, *args: Any, **options: Any) -> None:
        for attempt in range(1, ATTEMPTS + 1):
            try:
                super().handle(*args, **options)
            except OperationalError as error:
                if sqlstate(error) != LOCK_NOT_AVAILABLE or attempt == ATTEMPTS:
                    raise
                self.stderr.write(f"A table is in use: attempt {attempt} of {ATTEMPTS} gave way.")
                time.sleep(PAUSE)
            else:
                return


def _set(cursor: CursorWrapper, values: dict[str, str]) -> None:
    """For the rest of this session."""
    for name, value in values.items():
        cursor.execute(f"SET {name} = '{value}'")


def _set_role_defaults(cursor: CursorWrapper) -> None:
    """For every later session that the current role opens in this database."""
    cursor.execute("SELECT current_user, current_database()")
    role, database = map(sql.Identifier, cursor.fetchone())
    for name, value in ROLE_DEFAULTS.items():
        statement = f"ALTER ROLE {{}} IN DATABASE {{}} SET {name} = '{value}'"
        cursor.execute(sql.SQL(statement).format(role, database))


def _admit(cursor: CursorWrapper, role: sql.Identifier) -> None:
    """Let a role use the tables as they are now; it sets its own defaults, as all roles may."""
    for grant in ADMISSION:
        cursor.execute(sql.SQL(grant).format(role=role))
    cursor.execute(sql.SQL("SET ROLE {}").format(role))
    _set_role_defaults(cursor)
    cursor.execute("RESET ROLE")
