import sys
from time import perf_counter

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from catalogue.engines import EngineAway, engine
from catalogue.rebuilding import rebuild
from products.models import Product


class Command(BaseCommand):
    help = (
        "Make the document of every product anew, and remove those of products that are gone. "
        "Readers and the projector go on meanwhile; what is right already is not written. Can be "
        "stopped and run again at any time."
    )

    def handle(self, *_args, verbosity, **_options):
        began = perf_counter()
        with tqdm(
            total=Product.objects.living().count(),
            unit=" products",
            file=sys.stderr,
            leave=False,
            disable=verbosity == 0 or None,  # None: draw it on a terminal only
        ) as bar:
            try:
                with engine.reached():
                    count = rebuild(bar.update)
            except EngineAway as error:
                raise CommandError(str(error)) from error
        if verbosity:
            seconds = perf_counter() - began
            self.stdout.write(
                f"{bar.total} products, {count} documents written or removed in {seconds:.1f} s."
            )
