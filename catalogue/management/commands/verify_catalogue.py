import sys

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from catalogue.engines import EngineAway, engine
from catalogue.verifying import Late, differing, wrong_documents, wrong_names
from products.models import Product


class Command(BaseCommand):
    help = (
        "Compare every document of the catalogue with its product and stock, and the names of "
        "categories and locations. Prints each column that differs: id, column, expected, found, "
        "parted by tabs. Exit code 1 if any does. What is only late is waited for. Locks nothing: "
        "run it at any time."
    )

    def add_arguments(self, parser):
        parser.add_argument(
            "--patience",
            type=float,
            default=30.0,
            metavar="SECONDS",
            help="how long the projector may take to come past what differs (%(default)g)",
        )

    def handle(self, *_args, **options):
        try:
            with engine.reached():
                self.verify(**options)
        except EngineAway as error:
            raise CommandError(str(error)) from error

    def verify(self, *, patience, verbosity, **_options):
        with tqdm(
            total=Product.objects.living().count(),
            unit=" products",
            file=sys.stderr,
            leave=False,
            disable=verbosity == 0 or None,  # None: draw it on a terminal only
        ) as bar:
            suspects = differing(bar.update)
        try:
            documents = self.printed(wrong_documents(suspects, patience=patience))
        except Late as late:
            raise CommandError(
                "Documents differ, and the projector does not come on: is one running?"
            ) from late
        names = self.printed(wrong_names(patience=patience))
        if documents or names:
            raise CommandError(
                f"{documents} documents and {names} names differ: "
                "`manage.py rebuild_catalogue` helps."
            )
        if verbosity:
            self.stderr.write("Every document agrees with its product and its stock.")

    def printed(self, differences):
        """Print each as it is found; returns how many documents or names they are about."""
        ids = set()
        for one in differences:
            self.stdout.write(f"{one.id}\t{one.column}\t{one.expected}\t{one.found}")
            ids.add(one.id)
        return len(ids)
