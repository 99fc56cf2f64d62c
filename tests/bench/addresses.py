"""Requests whose cost must not grow with the tables, made for what a database holds.

Each asks for full pages where it can, so that databases of different sizes are compared fairly.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.utils import timezone

from inventory.models import StockLevel, StockMovement
from products.models import Product
from tests.bench.back_office import in_back_office
from tests.bench.rows import NO_HIT, common_words, cursor, middle, price, typical_product

if TYPE_CHECKING:
    from collections.abc import Mapping


PRODUCTS: Final = "/api/v1/products"
INVENTORY: Final = "/api/v1/inventory"
LEVELS: Final = "/api/v1/stock-levels"
MOVEMENTS: Final = "/api/v1/stock-movements"
TRANSFERS: Final = "/api/v1/transfers"
SORTS: Final = {"name": "name_order"} | {
    name: name for name in ("price", "sku", "created_at", "updated_at")
}
LEVEL_SORTS: Final = ("available", "on_hand", "updated_at")


def addresses() -> dict[str, str]:
    """Every request by its name; those of the back office are named so."""
    product = typical_product()
    return {
        name: f"{path}?{urlencode(query)}" if query else path
        for name, (path, query) in {
            **_product_lists(product),
            **_searches(product),
            **_stock_lists(product),
            **_movement_lists(product),
            **in_back_office(product),
        }.items()
    }


Requests = dict[str, tuple[str, dict[str, Any]]]


def _product_lists(product: Product) -> Requests:
    living = Product.objects.living()
    found: Requests = {
        "products": (PRODUCTS, {}),
        "products, page 90": (PRODUCTS, {"page[number]": 90}),
        "products, deep cursor": (PRODUCTS, {"page[after]": cursor(living, ("pk",))}),
        "products with inventory": (PRODUCTS, {"include": "inventory,category"}),
        "products by SKU": (PRODUCTS, {"filter[sku]": product.sku}),
        "products by barcode": (PRODUCTS, {"filter[barcode]": product.barcode}),
        "products of a category": (PRODUCTS, {"filter[category]": product.category_id}),
        "active products": (PRODUCTS, {"filter[status]": "active"}),
        "draft products": (PRODUCTS, {"filter[status]": "draft"}),
        "archived products": (PRODUCTS, {"filter[status]": "archived"}),
        "the cheaper half": (PRODUCTS, {"filter[price][lte]": price(living, 0.5)}),
        "the dearer half": (PRODUCTS, {"filter[price][gte]": price(living, 0.5)}),
        "the dearest by price": (
            PRODUCTS,
            {"filter[price][gte]": price(living, 0.98), "sort": "-price"},
        ),
        "a price range by name": (
            PRODUCTS,
            {
                "filter[price][gte]": price(living, 0.4),
                "filter[price][lte]": price(living, 0.6),
                "sort": "name",
            },
        ),
    }
    for name, column in SORTS.items():
        found[f"products sorted by {name}"] = (PRODUCTS, {"sort": name})
        found[f"products sorted by -{name}"] = (PRODUCTS, {"sort": f"-{name}"})
        found[f"products sorted by {name}, deep cursor"] = (
            PRODUCTS,
            {"sort": name, "page[after]": cursor(living, (column,))},
        )
    for name in ("sku", "name", "price"):
        found[f"a category sorted by {name}"] = (
            PRODUCTS,
            {"filter[category]": product.category_id, "sort": name},
        )
    return found


def _searches(product: Product) -> Requests:
    first, second = common_words()
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
        "inventory, deep cursor": (INVENTORY, {"page[after]": cursor(Product.objects, ("pk",))}),
        "inventory at a location": (INVENTORY, {"filter[location]": "main"}),
        "inventory by SKU": (INVENTORY, {"filter[sku]": product.sku}),
        "inventory as it was": (
            f"{INVENTORY}/{product.pk}",
            {"as_of": (timezone.now() - timedelta(days=30)).isoformat()},
        ),
        "inventory explained": (f"{INVENTORY}/{product.pk}/explain", {}),
        "inventory with stock levels": (INVENTORY, {"include": "product,stock_levels"}),
        "stock levels": (LEVELS, {}),
        "stock levels, deep cursor": (LEVELS, {"page[after]": cursor(levels, ("pk",))}),
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
            {"sort": name, "page[after]": cursor(levels, (name,))},
        )
    return found


def _movement_lists(product: Product) -> Requests:
    old = middle(StockMovement.objects.all(), ("pk",))
    with_reference = StockMovement.objects.exclude(reference="").first() or old
    return {
        "movements": (MOVEMENTS, {}),
        "movements, deep cursor": (
            MOVEMENTS,
            {"page[after]": cursor(StockMovement.objects.all(), ("-pk",))},
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


def is_of_back_office(address: str) -> bool:
    return address.startswith("/admin/")


def headers_for(address: str, *, key: str, session: str) -> Mapping[str, str]:
    """What a client of the API, or a browser of the back office, sends along."""
    if is_of_back_office(address):
        return {"HTTP_COOKIE": f"sessionid={session}"}
    return {"HTTP_X_API_KEY": key}
