from __future__ import annotations

import gc
import sys
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING

from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from common.observability.context import acting_as
from inventory.management.legacy import judging, sources
from inventory.management.legacy.importing import INVENTORY, PRODUCTS, WRITTEN, Run, Tally, analysed
from inventory.management.legacy.outputs import Mapping, Rejects, beside, replaced
from inventory.management.legacy.problems import INTERRUPTED, counted, told
from inventory.models import Location
from inventory.operations.naming import location_named
from inventory.operations.opening import Standing

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from inventory.management.legacy.sources import Source

REJECTED = 3
MOST_REASONS = 20
YOUNG = 100_000
"""Objects made between two looks for cycles. Rows are in none, and to look after every 700, as
Python does by itself, takes a third of the time."""
REHEARSED = "Rehearsal: nothing was written to the database. With --apply it would be:"


class Command(BaseCommand):
    help = (
        "Take over the catalogue and the opening stock of the two former services. Without "
        "--apply it is a rehearsal: everything is read, judged and compared, both files are "
        "written, the database is not. What is here already is left as it is, so that a run can "
        "be repeated at will, also after it was cut short. Ends with verify_stock. Exit code 0 "
        f"when it came to its end, 1 when it did not or when figures are wrong, {INTERRUPTED} when "
        f"it was interrupted; with --strict {REJECTED} when rows were rejected. docs/migrating.md "
        "goes through it."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        products = parser.add_mutually_exclusive_group()
        products.add_argument(
            "--products-dsn",
            metavar="DSN",
            help="the PostgreSQL with the table products; it is only read",
        )
        products.add_argument(
            "--products",
            metavar="FILE",
            help="or a dump of it: CSV with a header, a JSON array, or one JSON object a line",
        )
        parser.add_argument("--inventory", metavar="FILE", help="what mongoexport wrote")
        parser.add_argument(
            "--location",
            metavar="CODE",
            help="where the stock is (the default location)",
        )
        mode = parser.add_mutually_exclusive_group()
        mode.add_argument("--apply", action="store_true", help="write to the database")
        mode.add_argument(
            "--dry-run", action="store_false", dest="apply", help="do not (the default)"
        )
        parser.add_argument(
            "--mapping",
            type=Path,
            default=Path("legacy-mapping.csv"),
            metavar="FILE",
            help="takes the ids that changed (%(default)s)",
        )
        parser.add_argument(
            "--rejects",
            type=Path,
            default=Path("legacy-rejects.ndjson"),
            metavar="FILE",
            help="takes the rows that were rejected, with the reasons (%(default)s); mended, it "
            "can be given to --products and --inventory",
        )
        parser.add_argument(
            "--strict", action="store_true", help=f"exit code {REJECTED} when rows were rejected"
        )
        parser.add_argument(
            "--connections",
            type=int,
            choices=range(1, 9),
            default=2,
            help="to the database, writing side by side (%(default)s)",
        )

    def handle(self, *_args, verbosity, **options):
        self.verbosity = verbosity
        with told(is_applied=options["apply"]):
            _check(**options)
            with acting_as("import_legacy"):
                rejected = self.run(**options)
            if options["apply"]:
                call_command(
                    "verify_stock", verbosity=verbosity, stdout=self.stdout, stderr=self.stderr
                )
        if rejected and options["strict"]:
            raise CommandError(f"{_rejected(rejected)}.", returncode=REJECTED)

    def run(self, *, location, apply, mapping, rejects, connections, **dumps) -> int:
        """Import, say what became of the rows, and return how many were rejected."""
        place = location_named(location) if location else Location.objects.default()
        with replaced(mapping) as mapping_file, replaced(rejects) as rejects_file:
            changed, rejected = Mapping(mapping_file), Rejects(rejects_file)
            run = Run(
                location=place,
                mapping=changed,
                rejects=rejected,
                is_applied=apply,
                connections=connections,
            )
            with _cycles_sought_seldom():
                tallies = self.carried_out(run, **dumps)
        self.say("Imported." if apply else REHEARSED)
        for name, tally in tallies.items():
            self.say(_line(name, tally))
        self.say(f"{counted(changed.count, 'id')} changed: {mapping}")
        if run.tidied:
            count = counted(run.tidied, "product")
            self.say(f"{count} with text in tidier spelling: see docs/migrating.md")
        total = sum(tally.rejected for tally in tallies.values())
        self.say(f"{_rejected(total)}: {rejects}")
        for reason, times in rejected.reasons.most_common(MOST_REASONS):
            self.say(f"{times:>9}  {reason}")
        if apply and not analysed():
            self.say(f"Let the owner of the database run: ANALYZE {', '.join(WRITTEN)};")
        return total

    def carried_out(self, run, *, products, products_dsn, inventory, **_options):
        """Both sources read to their end, products first; what is missing is told before that."""
        tallies: dict[str, Tally] = {}
        with sources.dump(inventory) if inventory else nullcontext() as stock:
            if products or products_dsn:
                with _catalogue(products, products_dsn) as catalogue:
                    tallies[PRODUCTS] = self.watched(PRODUCTS, catalogue, run.products)
            if stock:
                tallies[INVENTORY] = self.watched(INVENTORY, stock, run.stock)
        return tallies

    def watched(self, name, source, carry_out) -> Tally:
        """Read a source to its end, with a bar that shows how far it is."""
        tally = Tally()
        with tqdm(
            desc=name,
            total=source.total,
            unit=source.unit,
            unit_scale=True,
            file=sys.stderr,
            leave=False,
            disable=self.verbosity == 0 or None,  # None: draw it on a terminal only
        ) as bar:
            for so_far in carry_out(source.rows):
                tally = so_far
                bar.update(source.done() - bar.n)
        return tally

    def say(self, sentence: str) -> None:
        if self.verbosity:
            self.stdout.write(sentence)


def _check(*, products, products_dsn, inventory, mapping, rejects, **_options):
    if not (products or products_dsn or inventory):
        raise CommandError("Give --products-dsn or --products, --inventory, or both.")
    if products == inventory == sources.STANDARD_INPUT:
        raise CommandError("Standard input can be one of the two dumps, not both.")
    if _is_same(mapping, rejects):
        raise CommandError("--mapping and --rejects need a file each.")
    for name, written in {"--mapping": mapping, "--rejects": rejects}.items():
        _check_place(name, written)
    read = [
        Path(each) for each in (products, inventory) if each not in {None, sources.STANDARD_INPUT}
    ]
    for name, written in {"--mapping": mapping, "--rejects": rejects}.items():
        if any(_is_same(each, spot) for each in read for spot in (written, beside(written))):
            raise CommandError(f"{name} would take the place of a dump that is read: {written}")


def _check_place(name: str, written: Path):
    if not written.parent.is_dir():
        raise CommandError(f"{name}: there is no folder {written.parent}")
    if written.is_dir():
        raise CommandError(f"{name} needs a file, and {written} is a folder.")


def _is_same(one: Path, other: Path) -> bool:
    """Whether both are one file, by whatever links; it need not be there yet."""
    if one.exists() and other.exists():
        return one.samefile(other)
    return one.resolve() == other.resolve()


@contextmanager
def _cycles_sought_seldom():
    before = gc.get_threshold()
    gc.set_threshold(YOUNG, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)


def _catalogue(path: str | None, dsn: str) -> AbstractContextManager[Source]:
    if path:
        return sources.dump(path, judging.PRODUCT_COLUMNS)
    return sources.products_table(dsn, judging.PRODUCT_COLUMNS)


def _line(name: str, tally: Tally) -> str:
    new, same, different = (
        tally.found[each] for each in (Standing.NEW, Standing.SAME, Standing.DIFFERENT)
    )
    return (
        f"{name}: {counted(tally.read, 'row')}, {new} new, {same + different} here already "
        f"({different} of them different now), {tally.rejected} rejected"
    )


def _rejected(count: int) -> str:
    return f"{counted(count, 'row')} {'was' if count == 1 else 'were'} rejected"
