"""Requests whose cost must not grow with the tables, made for what a database holds.

Each asks for full pages where it can, so that databases of different sizes are compared fairly.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.db import connection
from django.db.models import Count
from django.utils import timezone

from common.api import pagination
from inventory.models import Location, StockLevel, StockMovement
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

PRODUCTS: Final = "/api/v1/products"
INVENTORY: Final = "/api/v1/inventory"
LEVELS: Final = "/api/v1/stock-levels"
MOVEMENTS: Final = "/api/v1/stock-movements"
TRANSFERS: Final = "/api/v1/transfers"
ADMIN_PRODUCTS: Final = "/admin/products/product/"
ADMIN_LEVELS: Final = "/admin/inventory/stocklevel/"
ADMIN_MOVEMENTS: Final = "/admin/inventory/stockmovement/"
ADMIN_TRANSFERS: Final = "/admin/inventory/transfer/"
ADMIN_CATEGORIES: Final = "/admin/products/category/"
SORTS: Final = {"name": "name_order"} | {
    name: name for name in ("price", "sku", "created_at", "updated_at")
}
LEVEL_SORTS: Final = ("available", "on_hand", "updated_at")
TYPICAL: Final = (2, 5)
"""How many stock levels and movements the product has whose pages and filters are measured."""
NO_HIT: Final = "xylophonist"

COMMON_WORDS: Final = """
SELECT word FROM (
    SELECT unnest(most_common_elems::text::text[]) AS word, unnest(most_common_elem_freqs) AS share
    FROM pg_stats WHERE tablename = 'products_product' AND attname = 'search'
) AS common
WHERE word ~ '^[a-z]{4,}$' ORDER BY share DESC LIMIT 2
"""


def addresses() -> dict[str, str]:
    """Every request by its name; those of the back office are named so."""
    product = _typical_product()
    return {
        name: f"{path}?{urlencode(query)}" if query else path
        for name, (path, query) in {
            **_product_lists(product),
            **_searches(product),
            **_stock_lists(product),
            **_movement_lists(product),
            **_admin_lists(product),
        }.items()
    }


Requests = dict[str, tuple[str, dict[str, Any]]]


def _product_lists(product: Product) -> Requests:
    living = Product.objects.living()
    found: Requests = {
        "products": (PRODUCTS, {}),
        "products, page 90": (PRODUCTS, {"page[number]": 90}),
        "products, deep cursor": (PRODUCTS, {"page[after]": _cursor(living, ("pk",))}),
        "products with inventory": (PRODUCTS, {"include": "inventory,category"}),
        "products by SKU": (PRODUCTS, {"filter[sku]": product.sku}),
        "products by barcode": (PRODUCTS, {"filter[barcode]": product.barcode}),
        "products of a category": (PRODUCTS, {"filter[category]": product.category_id}),
        "active products": (PRODUCTS, {"filter[status]": "active"}),
        "draft products": (PRODUCTS, {"filter[status]": "draft"}),
        "archived products": (PRODUCTS, {"filter[status]": "archived"}),
        "the cheaper half": (PRODUCTS, {"filter[price][lte]": _price(living, 0.5)}),
        "the dearer half": (PRODUCTS, {"filter[price][gte]": _price(living, 0.5)}),
        "the dearest by price": (
            PRODUCTS,
            {"filter[price][gte]": _price(living, 0.98), "sort": "-price"},
        ),
        "a price range by name": (
            PRODUCTS,
            {
                "filter[price][gte]": _price(living, 0.4),
                "filter[price][lte]": _price(living, 0.6),
                "sort": "name",
            },
        ),
    }
    for name, column in SORTS.items():
        found[f"products sorted by {name}"] = (PRODUCTS, {"sort": name})
        found[f"products sorted by -{name}"] = (PRODUCTS, {"sort": f"-{name}"})
        found[f"products sorted by {name}, deep cursor"] = (
            PRODUCTS,
            {"sort": name, "page[after]": _cursor(living, (column,))},
        )
    for name in ("sku", "name", "price"):
        found[f"a category sorted by {name}"] = (
            PRODUCTS,
            {"filter[category]": product.category_id, "sort": name},
        )
    return found


def _searches(product: Product) -> Requests:
    first, second = _common_words()
    texts = {
        "rare word": product.sku,
        "common word": first,
        "common prefix": first[:4],
        "prefix of SKUs": product.sku[:3],
        "two common words": f"{first} {second}",
        "no hit": NO_HIT,
    }
    found: Requests = {
        f"search, {name}": (PRODUCTS, {"filter[search]": text}) for name, text in texts.items()
    }
    found["search by price"] = (PRODUCTS, {"filter[search]": first, "sort": "price"})
    return found


def _stock_lists(product: Product) -> Requests:
    levels = StockLevel.objects.all()
    found: Requests = {
        "inventory": (INVENTORY, {}),
        "inventory, deep cursor": (INVENTORY, {"page[after]": _cursor(Product.objects, ("pk",))}),
        "inventory at a location": (INVENTORY, {"filter[location]": "main"}),
        "inventory by SKU": (INVENTORY, {"filter[sku]": product.sku}),
        "inventory with stock levels": (INVENTORY, {"include": "product,stock_levels"}),
        "stock levels": (LEVELS, {}),
        "stock levels, deep cursor": (LEVELS, {"page[after]": _cursor(levels, ("pk",))}),
        "stock levels with product": (LEVELS, {"include": "product,location"}),
        "stock levels by SKU": (LEVELS, {"filter[sku]": product.sku}),
        "low stock levels": (LEVELS, {"filter[low]": "true"}),
        "low stock levels by available": (LEVELS, {"filter[low]": "true", "sort": "available"}),
        "stock levels that are out": (LEVELS, {"filter[out]": "true"}),
        "stock levels at a location": (LEVELS, {"filter[location]": "main"}),
        "stock levels of a product": (LEVELS, {"filter[product]": product.pk}),
        "stock levels, few available": (LEVELS, {"filter[available][lte]": 5}),
        "stock levels, many available": (LEVELS, {"filter[available][gte]": 100}),
        "stock levels, few on hand": (LEVELS, {"filter[on_hand][lt]": 3}),
        "stock levels, many on hand": (LEVELS, {"filter[on_hand][gt]": 100}),
        "stock levels that are not low": (LEVELS, {"filter[low]": "false"}),
        "stock levels that are not out": (LEVELS, {"filter[out]": "false"}),
    }
    for name in LEVEL_SORTS:
        found[f"stock levels sorted by {name}"] = (LEVELS, {"sort": name})
        found[f"stock levels sorted by -{name}"] = (LEVELS, {"sort": f"-{name}"})
        found[f"stock levels sorted by {name}, deep cursor"] = (
            LEVELS,
            {"sort": name, "page[after]": _cursor(levels, (name,))},
        )
    return found


def _movement_lists(product: Product) -> Requests:
    old = _middle(StockMovement.objects.all(), ("pk",))
    with_reference = StockMovement.objects.exclude(reference="").first() or old
    return {
        "movements": (MOVEMENTS, {}),
        "movements, deep cursor": (
            MOVEMENTS,
            {"page[after]": _cursor(StockMovement.objects.all(), ("-pk",))},
        ),
        "movements of a product": (MOVEMENTS, {"filter[product]": product.pk}),
        "movements at a location": (MOVEMENTS, {"filter[location]": "main"}),
        "movements for a reason": (MOVEMENTS, {"filter[reason]": "receipt"}),
        "movements for no such reason": (MOVEMENTS, {"filter[reason]": "shipment"}),
        "movements by reference": (
            MOVEMENTS,
            {"filter[reference]": with_reference.reference or NO_HIT},
        ),
        "movements long ago": (
            MOVEMENTS,
            {
                "filter[created_at][gte]": (old.created_at - timedelta(days=3)).isoformat(),
                "filter[created_at][lt]": old.created_at.isoformat(),
            },
        ),
        "movements with product": (MOVEMENTS, {"include": "product,location,stock_level"}),
        "sales of a product": (
            MOVEMENTS,
            {"filter[product]": product.pk, "filter[reason]": "sale"},
        ),
        "transfers": (TRANSFERS, {}),
        "transfers of a product": (TRANSFERS, {"filter[product]": product.pk}),
        "transfers by reference": (TRANSFERS, {"filter[reference]": NO_HIT}),
        "categories": ("/api/v1/categories", {}),
        "locations": ("/api/v1/locations", {}),
    }


def _admin_lists(product: Product) -> Requests:
    main = Location.objects.default()
    level = StockLevel.objects.filter(product__deleted_at=None).order_by("pk")[0]
    found: Requests = {
        "the first page": ("/admin/", {}),
        "a product": (f"{ADMIN_PRODUCTS}{product.pk}/change/", {}),
        "a stock level": (f"{ADMIN_LEVELS}{level.pk}/change/", {}),
        "products": (ADMIN_PRODUCTS, {}),
        "products, page 19": (ADMIN_PRODUCTS, {"p": 19}),
        "search by SKU": (ADMIN_PRODUCTS, {"q": product.sku[:-1]}),
        "search by word": (ADMIN_PRODUCTS, {"q": _common_words()[0]}),
        "search, no hit": (ADMIN_PRODUCTS, {"q": NO_HIT}),
        "draft products": (ADMIN_PRODUCTS, {"status__exact": "draft"}),
        "products of a category": (ADMIN_PRODUCTS, {"category__id__exact": product.category_id}),
        "products of the largest category": (
            ADMIN_PRODUCTS,
            {"category__id__exact": _largest_category()},
        ),
        "deleted products": (ADMIN_PRODUCTS, {"deleted": "yes"}),
        "stock levels": (ADMIN_LEVELS, {}),
        "stock levels, page 19": (ADMIN_LEVELS, {"p": 19}),
        "stock levels at a location": (ADMIN_LEVELS, {"location__id__exact": main.pk}),
        "stock levels, search by SKU": (ADMIN_LEVELS, {"q": product.sku[:-1]}),
        "stock levels, search by word": (ADMIN_LEVELS, {"q": _common_words()[0]}),
        "stock levels, search, no hit": (ADMIN_LEVELS, {"q": NO_HIT}),
        "movements": (ADMIN_MOVEMENTS, {}),
        "movements, page 19": (ADMIN_MOVEMENTS, {"p": 19}),
        "movements for a reason": (ADMIN_MOVEMENTS, {"reason__exact": "receipt"}),
        "movements at a location": (ADMIN_MOVEMENTS, {"location__id__exact": main.pk}),
        "movements since last week": (ADMIN_MOVEMENTS, _since(7)),
        "movements by SKU": (ADMIN_MOVEMENTS, {"q": product.sku}),
        "movements, search, no hit": (ADMIN_MOVEMENTS, {"q": NO_HIT}),
        "transfers": (ADMIN_TRANSFERS, {}),
        "transfers, search by SKU": (ADMIN_TRANSFERS, {"q": product.sku}),
        "categories": (ADMIN_CATEGORIES, {}),
        "categories, search": (ADMIN_CATEGORIES, {"q": "mug"}),
    }
    for value in ("in", "low", "out"):
        found[f"products, {value}"] = (ADMIN_PRODUCTS, {"stock": value})
        found[f"stock levels, {value}"] = (ADMIN_LEVELS, {"stock": value})
    return {f"admin, {name}": request for name, request in found.items()}


def _since(days: int) -> dict[str, str]:
    """What the filter by date asks for."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = today - timedelta(days=days), today + timedelta(days=1)
    return {"created_at__gte": str(begin), "created_at__lt": str(end)}


def _typical_product() -> Product:
    """One near the middle that has as much to show as its counterparts in other sizes."""
    middle = _middle(Product.objects.living(), ("pk",))
    later = (
        Product.objects.living().filter(pk__gte=middle.pk, status="active").exclude(barcode=None)
    )
    return next(
        product
        for product in later.order_by("pk")[:1_000]
        if (product.stock_levels.count(), product.movements.count()) == TYPICAL
    )


def _largest_category() -> Any:
    sizes = Product.objects.order_by().values_list("category").annotate(size=Count("pk"))
    return sizes.order_by("-size")[0][0]


def _middle(rows: QuerySet[Any], order: Sequence[str]) -> Any:
    """The row in the middle of the order, found in the index."""
    ids = rows.order_by(*order).values_list("pk", flat=True)
    return rows.model._default_manager.get(pk=ids[rows.count() // 2])


def _cursor(rows: Any, order: Sequence[str]) -> str:
    """The cursor that a client has half-way through the rows."""
    stable = pagination.stable(order)
    return pagination._cursor(_middle(rows.all(), stable), stable)


def _price(living: QuerySet[Product], share: float) -> Any:
    """The price below which this share of the products lies."""
    prices = living.order_by("price", "pk").values_list("price", flat=True)
    return prices[int((living.count() - 1) * share)]


def _common_words() -> Sequence[str]:
    with connection.cursor() as cursor:
        cursor.execute(COMMON_WORDS)
        first, second = (word for (word,) in cursor.fetchall())
    return first, second


def is_of_back_office(address: str) -> bool:
    return address.startswith("/admin/")


def headers_for(address: str, *, key: str, session: str) -> Mapping[str, str]:
    """What a client of the API, or a browser of the back office, sends along."""
    if is_of_back_office(address):
        return {"HTTP_COOKIE": f"sessionid={session}"}
    return {"HTTP_X_API_KEY": key}
