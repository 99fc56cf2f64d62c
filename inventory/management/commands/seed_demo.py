import os
import sys
from time import perf_counter

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import OperationalError
from tqdm import tqdm

from common.database import LOCK_NOT_AVAILABLE, sqlstate
from common.errors import DomainError
from common.observability.context import acting_as
from common.observability.logs import history
from inventory.management.demo import afterwards, loading, marking
from inventory.management.demo.catalogue import ARTICLES
from inventory.operations import summarise_days

IMAGE_BASE = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/static/products/demo/"
MOST_PRODUCTS = 1_000_000


class Command(BaseCommand):
    help = (
        "Load the demo into an empty database: 10 products with pictures in a tree of categories, "
        "two locations, and the last month's stock movements. Run again, or where anybody has "
        "put a product already, it changes nothing. With --products, a catalogue of up to a "
        "million: loaded in one transaction that keeps everybody else from the tables, all or "
        "nothing; events tell of the first 10 alone."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--products",
            type=int,
            metavar="N",
            help=f"so many products in all, {len(ARTICLES)} to {MOST_PRODUCTS} (default: "
            f"{len(ARTICLES)}); where a demo of another size is, it says so and changes nothing",
        )
        parser.add_argument(
            "--movements",
            type=int,
            metavar="N",
            help="so many stock movements in all, with --products; 3 for each product make a "
            "ledger of some age. Default: the first receipt of each stock level alone, about 1.2 "
            "for each product, which is the quickest",
        )
        parser.add_argument(
            "--clear",
            action="store_true",
            help="empty the database instead: all products, stock, movements and events, also "
            "those that were added to the demo; refused where the demo was not loaded",
        )
        parser.add_argument(
            "--image-base",
            default=IMAGE_BASE,
            metavar="URL",
            help="where clients find the pictures: the address of this server as they know it, "
            "and /static/products/demo/ (%(default)s)",
        )

    def handle(self, *_args, clear, image_base, products, movements, verbosity, **_options):
        self.verbosity = verbosity
        if not marking.may_mark():
            raise CommandError("This role does not own the tables: only their owner can do this.")
        with acting_as("seed_demo"), history():
            if clear:
                self.clear()
            else:
                _check_size(products, movements)
                self.load(image_base, products, movements)

    def load(self, image_base: str, products: int | None, movements: int | None) -> None:
        began = perf_counter()
        try:
            size = loading.load(image_base, self.watched, products=products, movements=movements)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        except OperationalError as error:
            if sqlstate(error) != LOCK_NOT_AVAILABLE:
                raise
            raise CommandError("Others are using the tables: try again without them.") from error
        if size is None:
            self.say_what_is_there(products, movements)
            return
        summarise_days()
        for act in afterwards:
            act(self.watched)
        seconds = perf_counter() - began
        self.say(
            f"The demo is loaded: {size.products} products and {size.movements} movements "
            f"in {seconds:.1f} s."
        )

    def say_what_is_there(self, products: int | None, movements: int | None) -> None:
        size = marking.marked()
        if size is None:
            self.say("This database holds data of its own: the demo was not loaded.")
            return
        found = (
            f"A demo of {size.products} products and {size.movements} movements is there already: "
            "`manage.py seed_demo --clear` makes room for another."
        )
        if products in {None, size.products} and movements in {None, size.movements}:
            self.say(found)
        else:
            raise CommandError(found)

    def clear(self) -> None:
        if marking.marked() is None:
            raise CommandError("The demo was not loaded into this database: nothing was removed.")
        marking.empty()
        self.say("The demo is gone, and so is all that was added to it.")

    def watched(self, phase: str, total: int) -> tqdm:
        return tqdm(
            total=total,
            unit=f" {phase}",
            file=sys.stderr,
            leave=False,
            disable=self.verbosity == 0 or None,  # None: draw it on a terminal only
        )

    def say(self, sentence: str) -> None:
        if self.verbosity:
            self.stdout.write(sentence)


def _check_size(products: int | None, movements: int | None) -> None:
    if products is None:
        if movements is not None:
            raise CommandError("--movements goes with --products.")
    elif not len(ARTICLES) <= products <= MOST_PRODUCTS:
        raise CommandError(f"--products is {len(ARTICLES)} to {MOST_PRODUCTS}.")
