"""The state of products now, as documents: read from products and stock, which decide."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import OuterRef
from django.db.models.functions import JSONObject

from catalogue.models import DICE, Document
from common.database import database_now
from inventory.models import StockLevel
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

COPIED: Final = (
    "sku",
    "name",
    "name_order",
    "description",
    "price",
    "images",
    "barcode",
    "status",
    "category_id",
    "created_at",
    "updated_at",
)
FIGURES: Final = ("on_hand", "reserved", "available", "incoming", "next_eta")


def documents_of(product_ids: Iterable[UUID]) -> list[Document]:
    """The documents of these products as they are now, deleted ones too; in two queries.

    All of a product comes out of one statement: its row and its levels are of the same moment,
    so of two documents one is never newer in one version and older in the other.
    """
    levels = StockLevel.objects.filter(product=OuterRef("pk")).order_by("location_id")
    figures = JSONObject(location="location_id", version="version", **{n: n for n in FIGURES})
    products = Product.objects.filter(pk__in=set(product_ids)).defer("search").order_by("pk")
    read = products.annotate(levels=ArraySubquery(levels.values(read=figures)))
    now = database_now()
    return [_document(product, now) for product in read]


def _document(product: Any, now: datetime) -> Document:
    levels: list[dict[str, Any]] = product.levels
    etas = [level["next_eta"] for level in levels if level["next_eta"]]
    return Document(
        id=product.pk,
        **{name: getattr(product, name) for name in COPIED},
        quantity=sum(level["on_hand"] for level in levels),
        reserved=sum(level["reserved"] for level in levels),
        available=sum(level["available"] for level in levels),
        incoming=sum(level["incoming"] for level in levels),
        next_eta=date.fromisoformat(min(etas)) if etas else None,
        locations=[_without_version(level) for level in levels],
        in_stock_at=[level["location"] for level in levels if level["available"] > 0],
        dice=product.pk.int & DICE,
        is_gone=product.is_gone,
        product_version=product.version,
        inventory_version=sum(level["version"] for level in levels),
        projected_at=now,
    )


def _without_version(level: dict[str, Any]) -> dict[str, Any]:
    return {name: level[name] for name in ("location", *FIGURES)}
