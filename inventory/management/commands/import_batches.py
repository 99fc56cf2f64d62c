from __future__ import annotations

import sys
from collections import Counter
from contextlib import nullcontext
from pathlib import Path

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from common.observability.context import acting_as
from common.observability.logs import history
from inventory.management.batch_files import Rejects, Sheet, read
from inventory.management.batch_rows import Importing, Outcome, Rejected
from inventory.management.legacy.outputs import replaced
from inventory.management.legacy.problems import counted, told


class Command(BaseCommand):
    help = (
        "Add batches from a CSV file in UTF-8: reference, sku, quantity, and if you like location "
        "(code; the default location when empty) and eta (2026-11-24; when empty, the units are "
        "received at once). Each row is a transaction of its own. A reference that is here "
        "already with the same facts is skipped, so that a run can be repeated at will. Exit code "
        "1 when rows were rejected; each is told with its line and the reason."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("file", type=Path, metavar="FILE.csv")
        parser.add_argument(
            "--dry-run", action="store_true", help="try every row, and keep nothing"
        )
        parser.add_argument(
            "--rejects",
            type=Path,
            metavar="FILE",
            help="takes the rejected rows as they are, behind their reasons, as CSV (otherwise the "
            "reasons are told on standard error); mended, it can be imported",
        )

    def handle(self, *_args, file, dry_run, rejects, verbosity, **_options):
        if rejects and rejects.resolve() == file.resolve():
            raise CommandError("--rejects would take the place of the file that is read.")
        with told(is_applied=not dry_run), acting_as("import_batches"), history():
            sheet = read(file)
            with replaced(rejects) if rejects else nullcontext() as kept:
                found = self.imported(sheet, dry_run, kept, verbosity)
        rejected = len(sheet.rows) - sum(found.values())
        if verbosity:
            done = ", ".join(f"{found[each]} {each.value}" for each in Outcome)
            self.stdout.write(f"{counted(len(sheet.rows), 'row')}: {done}, {rejected} rejected.")
            if dry_run:
                self.stdout.write("Rehearsal: nothing was written.")
        if rejected:
            raise CommandError(f"{counted(rejected, 'row')} rejected.")

    def imported(self, sheet: Sheet, dry_run, kept, verbosity) -> Counter[Outcome]:
        """Row by row, with a bar; what one row is refused does not stop the others."""
        found: Counter[Outcome] = Counter()
        importing = Importing(is_rehearsal=dry_run)
        rejects = Rejects(kept, sheet.columns) if kept else None
        bar = tqdm(
            importing.ahead(sheet.rows),
            total=len(sheet.rows),
            unit=" rows",
            file=sys.stderr,
            leave=False,
            disable=verbosity == 0 or None,  # None: draw it on a terminal only
        )
        for row in bar:
            try:
                found[importing.take(row)] += 1
            except Rejected as refusal:
                if rejects:
                    rejects.note(row, str(refusal))
                else:
                    bar.clear()
                    self.stderr.write(f"line {row.line}: {refusal}")
        return found
