import sys

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from inventory import verification


class Command(BaseCommand):
    help = (
        "Recompute every stock level from its ledger. Prints each figure that differs: stock "
        "level, SKU, location, figure, expected, found, parted by tabs. Exit code 1 if any does. "
        "Locks nothing: run it at any time."
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
        if found:
            raise CommandError(f"{found} figures of stock differ from the ledger.")
        if verbosity:
            self.stderr.write("Every stock level agrees with its ledger.")


def _line(difference: verification.Difference) -> str:
    return "\t".join(
        (
            str(difference.stock_level_id),
            difference.sku,
            difference.location,
            difference.figure,
            str(difference.expected),
            str(difference.found),
        )
    )
