"""The pages that staff open: every list with its filters, the pages of one row, the tools."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count
from django.utils import timezone

from inventory.models import Location, StockLevel
from products.models import Product
from tests.bench.rows import NO_HIT, common_words

if TYPE_CHECKING:
    from tests.bench.addresses import Requests

PRODUCTS: Final = "/admin/products/product/"
LEVELS: Final = "/admin/inventory/stocklevel/"
MOVEMENTS: Final = "/admin/inventory/stockmovement/"
TRANSFERS: Final = "/admin/inventory/transfer/"
BATCHES: Final = "/admin/inventory/batch/"
RESERVATIONS: Final = "/admin/inventory/reservation/"
REPLENISHMENT: Final = "/admin/inventory/replenishment/"
CATEGORIES: Final = "/admin/products/category/"


def in_back_office(product: Product) -> Requests:
    main = Location.objects.default()
    level = StockLevel.objects.filter(product__deleted_at=None).order_by("pk")[0]
    found: Requests = {
        "the first page": ("/admin/", {}),
        "a product": (f"{PRODUCTS}{product.pk}/change/", {}),
        "a stock level": (f"{LEVELS}{level.pk}/change/", {}),
        "products": (PRODUCTS, {}),
        "products, page 19": (PRODUCTS, {"p": 19}),
        "search by SKU": (PRODUCTS, {"q": product.sku[:-1]}),
        "search by word": (PRODUCTS, {"q": common_words()[0]}),
        "search, no hit": (PRODUCTS, {"q": NO_HIT}),
        "draft products": (PRODUCTS, {"status__exact": "draft"}),
        "products of a category": (PRODUCTS, {"category__id__exact": product.category_id}),
        "products of the largest category": (
            PRODUCTS,
            {"category__id__exact": _largest_category()},
        ),
        "deleted products": (PRODUCTS, {"deleted": "yes"}),
        "stock levels": (LEVELS, {}),
        "stock levels, page 19": (LEVELS, {"p": 19}),
        "stock levels at a location": (LEVELS, {"location__id__exact": main.pk}),
        "stock levels, search by SKU": (LEVELS, {"q": product.sku[:-1]}),
        "stock levels, search by word": (LEVELS, {"q": common_words()[0]}),
        "stock levels, search, no hit": (LEVELS, {"q": NO_HIT}),
        "movements": (MOVEMENTS, {}),
        "movements, page 19": (MOVEMENTS, {"p": 19}),
        "movements for a reason": (MOVEMENTS, {"reason__exact": "receipt"}),
        "movements at a location": (MOVEMENTS, {"location__id__exact": main.pk}),
        "movements since last week": (MOVEMENTS, _since(7)),
        "movements by SKU": (MOVEMENTS, {"q": product.sku}),
        "movements, search, no hit": (MOVEMENTS, {"q": NO_HIT}),
        "transfers": (TRANSFERS, {}),
        "transfers, search by SKU": (TRANSFERS, {"q": product.sku}),
        "categories": (CATEGORIES, {}),
        "categories, search": (CATEGORIES, {"q": "mug"}),
    }
    for value in ("in", "low", "out"):
        found[f"products, {value}"] = (PRODUCTS, {"stock": value})
        found[f"stock levels, {value}"] = (LEVELS, {"stock": value})
    found |= _by_supply() | _by_date() | _of_promises(product) | _tools(product, level)
    return {f"admin, {name}": request for name, request in found.items()}


def _by_supply() -> Requests:
    main = Location.objects.default()
    found: Requests = {}
    for value in ("coming", "late", "none"):
        found[f"products, supply {value}"] = (PRODUCTS, {"batch": value})
        found[f"stock levels, supply {value}"] = (LEVELS, {"batch": value})
        found[f"replenishment, supply {value}"] = (REPLENISHMENT, {"batch": value})
    found["products at a location"] = (PRODUCTS, {"location": main.code})
    found["low products at a location"] = (PRODUCTS, {"location": main.code, "stock": "low"})
    found["low stock levels at a location"] = (
        LEVELS,
        {"location__id__exact": main.pk, "stock": "low"},
    )
    return found


def _by_date() -> Requests:
    found: Requests = {}
    for days in (1, 40, 4000):
        first = (timezone.now() - timedelta(days=days)).date().isoformat()
        since, until = {"updated_at_from": first}, {"updated_at_to": first}
        made_since, made_until = {"created_at_from": first}, {"created_at_to": first}
        for name, path in (("products", PRODUCTS), ("stock levels", LEVELS)):
            found[f"{name} changed since {days} days"] = (path, since)
            found[f"{name} not changed for {days} days"] = (path, until)
        for name, path in (("movements", MOVEMENTS), ("transfers", TRANSFERS)):
            found[f"{name} since {days} days"] = (path, made_since)
            found[f"{name} until {days} days ago"] = (path, made_until)
    return found


def _of_promises(product: Product) -> Requests:
    found: Requests = {
        "batches": (BATCHES, {}),
        "batches of a product": (BATCHES, {"product": product.pk}),
        "batches by reference": (BATCHES, {"q": "PO-1"}),
        "batches by SKU": (BATCHES, {"q": product.sku}),
        "reservations": (RESERVATIONS, {}),
        "reservations of a product": (RESERVATIONS, {"product": product.pk}),
        "reservations by SKU": (RESERVATIONS, {"q": product.sku}),
    }
    for status in ("received", "cancelled", "all"):
        found[f"batches, {status}"] = (BATCHES, {"status": status})
    for eta in ("overdue", "week", "later"):
        found[f"batches, {eta}"] = (BATCHES, {"eta": eta})
    for state in ("open", "waiting", "active", "overdue", "confirmed", "shipped", "expired"):
        found[f"reservations, {state}"] = (RESERVATIONS, {"state": state})
    return found


def _tools(product: Product, level: StockLevel) -> Requests:
    of_product, of_level = {"product__id__exact": product.pk}, {"stock_level__id__exact": level.pk}
    return {
        "timeline of a product": (MOVEMENTS, of_product),
        "timeline of a stock level": (MOVEMENTS, of_level),
        "timeline of a product, somebody's": (MOVEMENTS, of_product | {"actor": "demo"}),
        "movements by reference": (MOVEMENTS, {"reference": NO_HIT}),
        "why is it N": (f"{MOVEMENTS}explain/{product.pk}/", {}),
        "replenishment": (REPLENISHMENT, {}),
        "replenishment, page 2": (REPLENISHMENT, {"p": 2}),
        "replenishment by SKU": (REPLENISHMENT, {"q": product.sku}),
        "replenishment by word": (REPLENISHMENT, {"q": common_words()[0]}),
        "replenishment of a category": (
            REPLENISHMENT,
            {"product__category__id__exact": product.category_id},
        ),
        "count sheets": ("/admin/inventory/countsheet/", {}),
        "a new count sheet": ("/admin/inventory/countsheet/add/", {}),
        "imports": ("/admin/importing/import/", {}),
        "events": ("/admin/events/event/", {}),
        "the trail": ("/admin/people/auditentry/", {}),
        "the trail of a product": (f"{PRODUCTS}{product.pk}/history/", {}),
    }


def _since(days: int) -> dict[str, str]:
    """What the filter by date asks for."""
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    begin, end = today - timedelta(days=days), today + timedelta(days=1)
    return {"created_at__gte": str(begin), "created_at__lt": str(end)}


def _largest_category() -> Any:
    sizes = Product.objects.order_by().values_list("category").annotate(size=Count("pk"))
    return sizes.order_by("-size")[0][0]
