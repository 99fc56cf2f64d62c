import os
import sys

from django.core.management.base import BaseCommand, CommandError, CommandParser
from tqdm import tqdm

from common.errors import DomainError
from common.observability.context import acting_as
from common.observability.logs import history
from inventory.management.demo import loading, marking

IMAGE_BASE = f"http://127.0.0.1:{os.environ.get('PORT') or 8000}/static/products/demo/"


class Command(BaseCommand):
    help = (
        "Load the demo into an empty database: 10 products with pictures in a tree of categories, "
        "two locations, and the last month's stock movements. Run again, or where anybody has "
        "put a product already, it changes nothing."
    )

    def add_arguments(self, parser: CommandParser) -> None:
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

    def handle(self, *_args, clear, image_base, verbosity, **_options):
        self.verbosity = verbosity
        with acting_as("seed_demo"), history():
            if clear:
                self.clear()
            else:
                self.load(image_base)

    def load(self, image_base: str) -> None:
        try:
            is_loaded = loading.load(image_base, self.watched)
        except DomainError as refusal:
            raise CommandError(refusal.detail) from refusal
        if is_loaded:
            self.say("The demo is loaded.")
        elif marking.is_marked():
            self.say("The demo is there already.")
        else:
            self.say("This database holds data of its own: the demo was not loaded.")

    def clear(self) -> None:
        if not marking.is_marked():
            raise CommandError("The demo was not loaded into this database: nothing was removed.")
        marking.empty()
        self.say("The demo is gone, and so is all that was added to it.")

    def watched(self, steps):
        return tqdm(
            steps,
            unit=" steps",
            file=sys.stderr,
            leave=False,
            disable=self.verbosity == 0 or None,  # None: draw it on a terminal only
        )

    def say(self, sentence: str) -> None:
        if self.verbosity:
            self.stdout.write(sentence)
