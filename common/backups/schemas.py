"""Room for what is restored: all that the database has is set aside, and comes back on failure."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connection, transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS: Final = "public"
ASIDE: Final = "before_restore"
PATIENCE: Final = "10s"
"""For a lock on a table that somebody reads."""

OBJECTS: Final = """
WITH found AS (
    SELECT 'pg_class'::regclass AS catalog, oid, relnamespace AS namespace,
           CASE relkind WHEN 'S' THEN 'SEQUENCE' WHEN 'v' THEN 'VIEW'
                        WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'TABLE' END AS kind,
           format('%%I', relname) AS name
    FROM pg_class
    WHERE relkind IN ('r', 'p', 'v', 'm') OR relkind = 'S' AND NOT EXISTS (
        SELECT FROM pg_depend
        WHERE classid = 'pg_class'::regclass AND objid = pg_class.oid AND deptype IN ('a', 'i'))
    UNION ALL
    SELECT 'pg_statistic_ext'::regclass, oid, stxnamespace, 'STATISTICS', format('%%I', stxname)
    FROM pg_statistic_ext
    UNION ALL
    SELECT 'pg_proc'::regclass, oid, pronamespace, 'ROUTINE',
           format('%%I(%%s)', proname, pg_get_function_identity_arguments(oid))
    FROM pg_proc
    UNION ALL
    SELECT 'pg_collation'::regclass, oid, collnamespace, 'COLLATION', format('%%I', collname)
    FROM pg_collation
    UNION ALL
    SELECT 'pg_ts_config'::regclass, oid, cfgnamespace, 'TEXT SEARCH CONFIGURATION',
           format('%%I', cfgname)
    FROM pg_ts_config
    UNION ALL
    SELECT 'pg_type'::regclass, oid, typnamespace,
           CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, format('%%I', typname)
    FROM pg_type WHERE typtype IN ('d', 'e')
)
SELECT kind, name FROM found
WHERE namespace = (SELECT oid FROM pg_namespace WHERE nspname = %s) AND NOT EXISTS (
    SELECT FROM pg_depend
    WHERE classid = found.catalog AND objid = found.oid AND deptype = 'e')
"""
"""Everything in a schema but what belongs to an extension or to another object."""


def is_empty() -> bool:
    """Whether there is nothing of ours in the database, and nothing set aside."""
    return not (_objects(OURS) or _objects(ASIDE))


@contextmanager
def set_aside() -> Iterator[None]:
    """Inside, the database is empty. If anything goes wrong, it is as it was before.

    What was there waits in a schema of its own, and is dropped in the end. Of a restore that was
    killed the remains go first, and what it had set aside comes back.
    """
    if _exists(ASIDE):
        _put_back()
    with transaction.atomic():
        _be_patient()
        _execute(f"CREATE SCHEMA {ASIDE}")
        _move(OURS, ASIDE)
    try:
        yield
        with transaction.atomic():
            _be_patient()
            _execute(f"DROP SCHEMA {ASIDE} CASCADE")
    except BaseException:
        if _exists(ASIDE):
            _put_back()
        raise


@transaction.atomic
def _put_back() -> None:
    _be_patient()
    for kind, name in _objects(OURS):
        _execute(f"DROP {kind} IF EXISTS {OURS}.{name} CASCADE")
    _move(ASIDE, OURS)
    _execute(f"DROP SCHEMA {ASIDE}")


def _move(source: str, target: str) -> None:
    for kind, name in _objects(source):
        _execute(f"ALTER {kind} {source}.{name} SET SCHEMA {target}")


def _be_patient() -> None:
    _execute(f"SET LOCAL lock_timeout = '{PATIENCE}'")
    _execute("SET LOCAL statement_timeout = 0")


def _exists(schema: str) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM pg_namespace WHERE nspname = %s", [schema])
        return cursor.fetchone() is not None


def _objects(schema: str) -> list[tuple[str, str]]:
    """Kind and name, both as they stand in a statement."""
    with connection.cursor() as cursor:
        cursor.execute(OBJECTS, [schema])
        return [(kind, name) for kind, name in cursor.fetchall()]


def _execute(statement: str) -> None:
    """Names in it are quoted by PostgreSQL itself, or constants of this module."""
    with connection.cursor() as cursor:
        cursor.execute(statement)
