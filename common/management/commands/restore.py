"""``manage.py restore``: a database as ``manage.py backup`` wrote it down, checked afterwards."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from common.backups import archives, restoring, schemas
from common.backups.errors import BackupRefused
from common.backups.server import Server, server

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

MOST_JOBS = 4


class Command(BaseCommand):
    help = (
        "Restore the database from a file of `manage.py backup`, then compare all stock with its "
        "ledger as verify_stock does: exit code 1 if anything differs. Into an empty database, or "
        "with --force in place of what is there. Run it as the owner of the database, on a direct "
        "connection, with everything else stopped. See docs/operations.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path)
        parser.add_argument(
            "--force", action="store_true", help="replace what the database holds, after asking"
        )
        parser.add_argument(
            "--no-input", action="store_false", dest="interactive", help="do not ask"
        )
        parser.add_argument(
            "--despite-connections",
            action="store_true",
            help="go on though others are connected to the database",
        )
        parser.add_argument(
            "--jobs",
            type=int,
            default=min(MOST_JOBS, os.cpu_count() or 1),
            help="tables restored at the same time (default: %(default)s)",
        )

    def handle(self, *_args: Any, file: Path, verbosity: int, **options: Any) -> None:
        signal.signal(signal.SIGTERM, _stop)
        began = time.monotonic()
        tell = self.stderr.write if verbosity else lambda _words: None
        try:
            target = server()
            archive = archives.opened(file, target)
            self._refuse(target, options)
            restoring.restore(archive, target, jobs=options["jobs"], tell=tell)
        except (BackupRefused, DatabaseError) as error:
            raise CommandError(str(error).strip()) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted: the database is as it was.") from None
        if verbosity:
            seconds = time.monotonic() - began
            self.stdout.write(f"{file} is restored into {target.database}, in {seconds:.1f} s.")
        call_command("verify_stock", verbosity=verbosity, stdout=self.stdout, stderr=self.stderr)

    def _refuse(self, target: Server, options: dict[str, Any]) -> None:
        restoring.refuse_unless_owner()
        others = restoring.count_others()
        if others and not options["despite_connections"]:
            raise CommandError(
                f"{others} others are connected to {target.database}: stop them first (web, "
                "worker, beat, relay, consumer), or add --despite-connections."
            )
        if schemas.is_empty():
            return
        if not options["force"]:
            raise CommandError(
                f"The database {target.database} is not empty: restore into a new one, or add "
                "--force to replace what it holds."
            )
        if options["interactive"]:
            _ask(target.database)


def _ask(database: str) -> None:
    if not sys.stdin.isatty():
        raise CommandError("Nobody is there to be asked: add --no-input if you are sure.")
    answer = input(f"Type the database's name, {database}, to replace all that it holds: ")
    if answer.strip() != database:
        raise CommandError("Nothing has been changed.")


def _stop(*_: object) -> NoReturn:
    """As Ctrl-C does: with the database put back as it was."""
    raise KeyboardInterrupt
