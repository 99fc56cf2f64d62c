"""Indexes, unique and foreign keys taken away while tables are filled, and put back afterwards.

As a backup is restored: sorting all rows once is far quicker than finding each one's place. What
there is, is read from the catalogue, so that nobody has to name a new index here.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from django.db import connection

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from inventory.management.demo.watching import Watch

# How to take each one away, to put it back, and its comment; in the order of taking away. An index
# that is also something else (clustered on, a replica's identity, in another tablespace) stays.
SUSPENDED: Final = """
WITH filled AS (SELECT unnest(%s::text[])::regclass AS id),
plain AS (
    SELECT indexrelid FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE indrelid IN (SELECT id FROM filled) AND indisvalid AND reltablespace = 0
        AND NOT (indisprimary OR indisclustered OR indisreplident)
)
SELECT
    format('ALTER TABLE %%s DROP CONSTRAINT %%I', conrelid::regclass, conname),
    format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s',
        conrelid::regclass, conname, pg_get_constraintdef(oid)),
    format('COMMENT ON CONSTRAINT %%I ON %%s IS ', conname, conrelid::regclass)
        || quote_literal(obj_description(oid, 'pg_constraint')),
    contype <> 'f' AS is_index
FROM pg_constraint
WHERE contype = 'f'
        AND (conrelid IN (SELECT id FROM filled) OR confrelid IN (SELECT id FROM filled))
    OR contype = 'u' AND conindid IN (SELECT indexrelid FROM plain)
UNION ALL
SELECT
    format('DROP INDEX %%s', indexrelid::regclass),
    pg_get_indexdef(indexrelid),
    format('COMMENT ON INDEX %%s IS ', indexrelid::regclass)
        || quote_literal(obj_description(indexrelid, 'pg_class')),
    true
FROM plain
WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid AND contype <> 'f')
ORDER BY is_index
"""


@contextmanager
def suspended(tables: Sequence[str], watched: Watch) -> Iterator[None]:
    """Within the caller's transaction: should the block fail, nothing has been taken away.

    The caller owns the tables and has locked them.
    """
    with connection.cursor() as cursor:
        cursor.execute(SUSPENDED, [list(tables)])
        found = cursor.fetchall()
        for taking_away, *_ in found:
            cursor.execute(taking_away)
        yield
        with watched("indexes", len(found)) as bar:
            for _, putting_back, comment, _ in reversed(found):
                cursor.execute(putting_back)
                if comment:
                    cursor.execute(comment)
                bar.update()
