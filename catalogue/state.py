"""The state of products now, as documents: read from products and stock, which decide."""

from __future__ import annotations

from datetime import date, datetime
from typing import TYPE_CHECKING, Any, Final

from django.contrib.postgres.expressions import ArraySubquery
from django.contrib.postgres.fields import ArrayField
from django.db.models import Func, OuterRef, TextField
from django.db.models.functions import JSONObject

from catalogue.engines import engine
from catalogue.models import DICE, Document
from common.database import database_now
from inventory.models import StockLevel
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterable
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
WORDS: Final = {"words": "%(expressions)s", "name_words": "ts_filter(%(expressions)s, '{a}')"}
"""The words of a product, and those of its SKU, barcode and name, out of its search vector."""


def documents_of(product_ids: Iterable[UUID]) -> list[Document]:
    """The documents of these products as they are now, deleted ones too; in two queries.

    All of a product comes out of one statement: its row and its levels are of the same moment,
    so of two documents one is never newer in one version and older in the other.
    """
    levels = StockLevel.objects.filter(product=OuterRef("pk")).order_by("location_id")
    own = ("version", "updated_at", *FIGURES)
    figures = JSONObject(location="location_id", **{name: name for name in own})
    products = Product.objects.filter(pk__in=set(product_ids)).defer("search").order_by("pk")
    read = products.annotate(levels=ArraySubquery(levels.values(read=figures)), **_words())
    now = database_now()
    return [_document(product, now) for product in read]


def _words() -> dict[str, Func]:
    """As columns of a query, where the database of the documents does not find words by itself."""
    if not engine.HAS_WORDS:
        return {}
    lists = ArrayField(TextField())
    return {
        name: Func("search", template=f"tsvector_to_array({vector})", output_field=lists)
        for name, vector in WORDS.items()
    }


def _document(product: Any, now: datetime) -> Document:
    levels: list[dict[str, Any]] = product.levels
    etas = [level["next_eta"] for level in levels if level["next_eta"]]
    moments = [datetime.fromisoformat(level["updated_at"]) for level in levels]
    document = Document(
        id=product.pk,
        **{name: getattr(product, name) for name in COPIED},
        quantity=sum(level["on_hand"] for level in levels),
        reserved=sum(level["reserved"] for level in levels),
        available=sum(level["available"] for level in levels),
        incoming=sum(level["incoming"] for level in levels),
        next_eta=date.fromisoformat(min(etas)) if etas else None,
        stock_updated_at=max(moments, default=None),
        locations=[_figures(level) for level in levels],
        in_stock_at=[level["location"] for level in levels if level["available"] > 0],
        dice=product.pk.int & DICE,
        is_gone=product.is_gone,
        product_version=product.version,
        inventory_version=sum(level["version"] for level in levels),
        projected_at=now,
    )
    document.words = getattr(product, "words", ())
    document.name_words = getattr(product, "name_words", ())
    return document


def _figures(level: dict[str, Any]) -> dict[str, Any]:
    return {name: level[name] for name in ("location", *FIGURES)}
