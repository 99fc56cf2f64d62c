import sys

from django.core.management.base import BaseCommand, CommandError
from django.db import connection
from tqdm import tqdm

from inventory import verification
from inventory.operations import note_check


class Command(BaseCommand):
    help = (
        "Recompute every stock level from its ledger, its reservations and its batches, and those "
        "from each other. Prints each figure that differs: id, SKU, location, figure, expected, "
        "found, parted by tabs. Exit code 1 if any does. Locks nothing: run it at any time."
    )

    def handle(self, *_args, verbosity, **_options):
        found = 0
        with tqdm(
            total=verification.movements_to_verify(),
            unit=" movements",
            file=sys.stderr,
            leave=False,
            disable=verbosity == 0 or None,  # None: draw it on a terminal only
        ) as bar:
            for step in verification.verify():
                for difference in step.differences:
                    bar.clear()
                    self.stdout.write(_line(difference))
                found += len(step.differences)
                bar.update(step.movements)
        _remember(found)
        if found == 1:
            raise CommandError("1 figure of stock differs from what explains it.")
        if found:
            raise CommandError(f"{found} figures of stock differ from what explains them.")
        if verbosity:
            self.stderr.write("Every stock level agrees with its ledger and its promises.")


def _remember(found):
    """As the nightly check does; a copy that can only be read is checked all the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('transaction_read_only') = 'off'")
        (is_writable,) = cursor.fetchone()
    if is_writable:
        note_check(differences=found)


def _line(difference: verification.Difference) -> str:
    return "\t".join(
        (
            str(difference.id),
            difference.sku,
            difference.location,
            difference.figure,
            str(difference.expected),
            str(difference.found),
        )
    )
