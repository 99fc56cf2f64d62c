"""The products of the bench, in a database of ours: ``python -m tests.bench.filling COUNT UNITS``.

Writes what the peer needs to have the same ones to standard output, as JSON. Run in the server's
own environment.
"""

from __future__ import annotations

import json
import os
import sys
from typing import Any

COLUMNS = (
    "id", "sku", "name", "description", "price", "images", "barcode", "status", "category_id",
    "created_at", "updated_at", "version",
)  # fmt: skip


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    count, units = map(int, sys.argv[1:])
    import django

    django.setup()
    json.dump(_filled(count, units), sys.stdout, default=str)


def _filled(count: int, units: int) -> list[dict[str, Any]]:
    """So many active products with one stock level each, and so many units more of each."""
    from django.core.management import call_command
    from django.db.models import Count

    from common.observability.context import acting_as
    from inventory.operations import adjust_stock
    from inventory.rules import Change
    from products.models import Product

    call_command("seed_demo", products=count * 2, verbosity=0)
    levels = Product.objects.living().filter(status="active").annotate(levels=Count("stock_levels"))
    ids = list(levels.filter(levels=1).order_by("pk").values_list("pk", flat=True)[:count])
    assert len(ids) == count, f"the demo has {len(ids)} products with one stock level"
    with acting_as("bench"):
        adjust_stock(changes=[Change(product_id=pk, delta=units) for pk in ids])
    return list(Product.objects.filter(pk__in=ids).order_by("pk").values(*COLUMNS))


if __name__ == "__main__":
    main()
