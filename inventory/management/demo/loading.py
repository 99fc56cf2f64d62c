"""Loading the demo: all of it in one transaction, into a database that nobody uses yet."""

from __future__ import annotations

from contextlib import nullcontext
from typing import TYPE_CHECKING, Final

from django.db import connection

from common.database import database_now, in_transaction
from common.errors import Invalid
from inventory.management.demo import bulk, marking, promises, shop
from inventory.management.demo.catalogue import ARTICLES
from inventory.management.demo.marking import Size
from inventory.management.demo.month import month
from inventory.management.demo.trade import Stock
from inventory.models import Location
from inventory.querysets import DEFAULT_LOCATION
from products import rules
from products.models import Category, Product

if TYPE_CHECKING:
    from inventory.management.demo.watching import Watch

SEEDING: Final = 0x64656D6F  # names the advisory lock: two seeders at once load the demo once


@in_transaction
def load(
    image_base: str, watched: Watch, *, products: int | None = None, movements: int | None = None
) -> Size | None:
    """Load all of the demo and mark the database; nothing, and None, where there is data.

    Beside the small shop, products of the large assortment until there are ``products`` in all.
    ``movements`` in all likewise; when not given, the fewest that explain the stock. Refuses with
    Invalid, before the first write.
    """
    count = (products or len(ARTICLES)) - len(ARTICLES)
    if not _may_load(alone=count > 0):
        return None
    image_base = image_base.rstrip("/")
    rules.image(image_base)
    midnight = database_now().replace(hour=0, minute=0, second=0, microsecond=0)
    story = month(ARTICLES, midnight)
    stock = Stock(count, until=round(midnight.timestamp()) * 1_000)
    fewest = stock.first_movements + shop.movements_of(story)
    trade = _trade(movements, fewest)
    with bulk.filling(watched) if count else nullcontext():
        categories, locations = shop.make_categories(), shop.make_locations()
        if count:
            bulk.fill(stock, trade, bulk.make_shelves(categories), locations, image_base, watched)
    shop.fill(story, categories, image_base, watched)
    promises.fill(midnight.date(), {article.sku for article in ARTICLES})
    size = Size(count + len(ARTICLES), fewest + trade)
    marking.mark(size)
    return size


def _may_load(*, alone: bool) -> bool:
    """Whether nobody has put anything here yet. Waits for a seeder that is at work."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SEEDING])
    if alone:
        bulk.lock()
    is_used = (
        Product.objects.exists()
        or Category.objects.exists()
        or Location.objects.exclude(code=DEFAULT_LOCATION).exists()
    )
    return not is_used


def _trade(movements: int | None, fewest: int) -> int:
    """How many movements go beyond the fewest."""
    if movements is None:
        return 0
    if movements < fewest:
        raise Invalid(f"So much stock has {fewest} movements at least.", attribute="movements")
    return movements - fewest
