"""``manage.py after_restore``: when a database came back in another way than by ``restore``."""

from __future__ import annotations

from typing import Any

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from common.backups import restoring
from common.backups.errors import BackupRefused


class Command(BaseCommand):
    help = (
        "What a database needs that went back in time by other means than `manage.py restore`: a "
        "point in time, a snapshot, a replica that took over. Numbers of events that others have "
        "seen are not given again, staff are logged out, what is cached is forgotten, and so are "
        "the documents of the catalogue where they are in MongoDB; then all "
        "stock is compared with its ledger, and exit code 1 says that something differs. Run it "
        "while everything else is stopped; it can be run twice."
    )

    def handle(self, *_args: Any, verbosity: int, **_options: Any) -> None:
        restoring.begin_an_era()
        try:
            restoring.forget_what_is_elsewhere()
            restoring.forget_what_is_cached()
        except BackupRefused as error:
            raise CommandError(str(error)) from error
        call_command("verify_stock", verbosity=verbosity, stdout=self.stdout, stderr=self.stderr)
