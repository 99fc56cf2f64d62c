"""From a file back into a database, with what a database that goes back in time takes."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING, Final

from django.core.management import call_command
from django.db import DatabaseError, OperationalError, connection
from django.db.migrations.loader import MigrationLoader

from common import redis
from common.backups import schemas
from common.backups.errors import BackupRefused
from common.backups.server import run
from common.database import in_transaction
from common.events.models import Sequencer
from common.people.models import StaffSession
from common.redis import RedisUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from common.backups.archives import Archive
    from common.backups.server import Server

ERA: Final = 10**9
"""Events of a restored database go on at the next multiple of this."""

elsewhere: Final[list[Callable[[], None]]] = []
"""What other apps do where they keep something in another database, made of what is in this one."""

OF_AN_EXTENSION: Final = " COMMENT - EXTENSION "

OTHERS: Final = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND usesysid IS NOT NULL
  AND coalesce(backend_type, 'client backend') = 'client backend'
"""


def count_others() -> int:
    """How many other sessions are connected to the database."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS)
        (count,) = cursor.fetchone()
    return int(count)


def refuse_unless_owner() -> None:
    """What is restored belongs to who restores it; migrations need it to be the owner."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_get_userbyid(datdba), current_user FROM pg_database"
            " WHERE datname = current_database()"
        )
        owner, we = cursor.fetchone()
    if we != owner:
        raise BackupRefused(
            f"The database belongs to {owner}, and DATABASE_URL connects as {we}: restore it as "
            f"{owner}, with DATABASE_APP_ROLE={we} if that is the application's own role."
        )


def restore(archive: Archive, server: Server, *, jobs: int, tell: Callable[[str], None]) -> None:
    """Put what a file holds in place of what the database holds.

    Whatever goes wrong before that is done, the database is as it was. A file of an earlier
    release is brought up to date, one of a later release refused. Rights and time-outs of the
    roles are set as ``migrate`` does. ``tell`` is told each step.
    """
    with schemas.set_aside():
        tell("Restoring the rows ...")
        _fill(archive, server, jobs)
        _refuse_later_release()
        tell("Migrating, rights of the roles ...")
        call_command("migrate", interactive=False, verbosity=0)
        begin_an_era()
    try:
        forget_what_is_elsewhere()
        forget_what_is_cached()
        tell("Gathering statistics ...")
        _gather_statistics()
    except (KeyboardInterrupt, DatabaseError) as error:
        raise BackupRefused(
            "The database is restored, but that was not all: run `ANALYZE` in it, and "
            "`manage.py after_restore`, before anything is started."
        ) from error


def _gather_statistics() -> None:
    connection.close()  # its time-outs are those of requests
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{schemas.PATIENCE}'")
        cursor.execute("SET statement_timeout = 0")
        cursor.execute("ANALYZE")
    connection.close()


def forget_what_is_cached() -> None:
    """Let nothing be served that was cached of the database before. Refuses without Redis."""
    try:
        (answer,) = redis.pipelined([("DEL", redis.epoch_key())])
    except RedisUnavailable as error:
        answer = error
    if isinstance(answer, Exception):
        raise BackupRefused(
            "The database is restored, but Redis does not answer, and may hold products of the "
            "database before: empty it (FLUSHDB) before anything is started."
        )


def forget_what_is_elsewhere() -> None:
    """Let nobody go on with what was made of the database before. Refuses without that place."""
    try:
        for forget in elsewhere:
            forget()
    except OperationalError as error:
        raise BackupRefused(
            f"The database is restored, but what was made of the one before stays: {error}. "
            "Run `manage.py after_restore` when that answers again, before anything is started."
        ) from error


def _fill(archive: Archive, server: Server, jobs: int) -> None:
    """All but what only the owner of an extension may do, who can be somebody else."""
    wanted = [line for line in archive.contents.splitlines() if OF_AN_EXTENSION not in line]
    with tempfile.NamedTemporaryFile("w") as contents:
        contents.write("\n".join(wanted) + "\n")
        contents.flush()
        arguments = [
            "--exit-on-error",
            "--no-owner",
            "--no-privileges",
            "--no-publications",
            "--no-subscriptions",
            "--no-password",
            f"--use-list={contents.name}",
            f"--jobs={jobs}",
            f"--dbname={server.where}",
            str(archive.file),
        ]
        run(archive.reader.path, arguments, environment=server.environment)


def _refuse_later_release() -> None:
    """Code that does not know a migration would not know what it did."""
    loader = MigrationLoader(connection)
    known = loader.disk_migrations.keys()
    later = sorted(
        f"{app}.{name}"
        for app, name in loader.applied_migrations.keys() - known
        if app in loader.migrated_apps
    )
    if later:
        raise BackupRefused(
            f"The backup is of a later release (migration {later[0]}): restore it with that one."
        )


@in_transaction
def begin_an_era() -> None:
    """What happened after the backup has been told to others, and must not be mixed up.

    Numbers of events that others have seen are not given again. Who logged out since then stays
    logged out: staff log in anew.

    Locks: the sequencer, the sessions (docs/locking.md).
    """
    for sequencer in Sequencer.objects.select_for_update():
        sequencer.last = (sequencer.last // ERA + 1) * ERA
        sequencer.save(update_fields=["last"])
    StaffSession.objects.all().delete()
