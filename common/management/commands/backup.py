"""``manage.py backup``: the whole database as one file, while everything goes on."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from django.core.management.base import BaseCommand, CommandError
from django.db import OperationalError
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from tqdm import tqdm

from common.backups import archives
from common.backups.errors import BackupRefused
from common.backups.server import server

if TYPE_CHECKING:
    from django.core.management.base import CommandParser


class Command(BaseCommand):
    help = (
        "Write the whole database into one file (pg_dump's custom format), as it is at one "
        "moment, while everything goes on. The file gets its name when it is whole and has been "
        "read back. Run it as the owner of the tables, on a direct connection. See "
        "docs/operations.md."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "file",
            nargs="?",
            type=Path,
            default=Path(),
            help="the file, or a folder to put one named by the time into (default: this folder)",
        )
        parser.add_argument("--force", action="store_true", help="replace a file that is there")

    def handle(self, *_args: Any, file: Path, force: bool, verbosity: int, **_options: Any) -> None:
        signal.signal(signal.SIGTERM, _stop)
        if file.is_dir():
            file /= f"stockroom-{timezone.now():%Y%m%dT%H%M%SZ}.dump"
        try:
            with tqdm(
                unit="B",
                unit_scale=True,
                file=sys.stderr,
                leave=False,
                disable=verbosity == 0 or None,  # None: draw it on a terminal only
            ) as bar:
                size, seconds = archives.write(
                    server(), file, overwrite=force, watch=lambda size: _show(bar, size)
                )
        except (BackupRefused, OperationalError) as error:
            raise CommandError(str(error).strip()) from error
        except KeyboardInterrupt:
            raise CommandError("Interrupted: no file was written.") from None
        if verbosity:
            self.stdout.write(f"{file}: {filesizeformat(size)} in {seconds:.1f} s.")


def _show(bar: tqdm[NoReturn], size: int) -> None:
    bar.update(size - bar.n)


def _stop(*_: object) -> NoReturn:
    """As Ctrl-C does: with everything cleared away."""
    raise KeyboardInterrupt
