"""The documents, and the names that they leave out because they change for many at once.

Nothing here leads to a table of another app, and every column is of a kind that PostgreSQL and
MongoDB both have: all of it lives in the one or the other (``catalogue.routing``). What each does
in its own way is in ``catalogue.engines``.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final, Self

from django.db import models

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from django.db.backends.base.base import BaseDatabaseWrapper

STATUSES: Final = ["draft", "active", "archived"]
SHOWN: Final = models.Q(is_gone=False)
GONE: Final = models.Q(is_gone=True)
DICE: Final = 0x7FFF_FFFF
"""The last bits of an id are random: documents in their order are in no order at all."""

GIVEN_ONCE: Final = frozenset({"id", "popularity", "dice"})
"""Columns that a newer state does not bring along."""
NO_STATE: Final = GIVEN_ONCE | {"projected_at"}

ID: Final = "_id"
"""The column of every id: MongoDB looks a document up by this one alone without an index."""


if TYPE_CHECKING:
    OfMoments = models.CharField[datetime | None, datetime | None]
else:
    OfMoments = models.CharField


class MomentField(OfMoments):
    """A moment to the microsecond, kept as text: MongoDB's own are cut to milliseconds."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**{"max_length": 32} | options)

    def get_prep_value(self, value: Any) -> str | None:
        moment = self.to_python(value)
        return moment.astimezone(UTC).isoformat() if moment else None

    def from_db_value(self, value: str | None, *_: object) -> datetime | None:
        return self.to_python(value)

    def to_python(self, value: Any) -> datetime | None:
        return datetime.fromisoformat(value) if isinstance(value, str) else value


if TYPE_CHECKING:
    OfText = models.TextField[str, str]
else:
    OfText = models.TextField


class TextInBytesField(OfText):
    """A text in the order of its bytes: PostgreSQL's collation C, and MongoDB's only one."""

    def db_parameters(self, connection: BaseDatabaseWrapper) -> dict[str, str | None]:
        collation = "C" if connection.vendor == "postgresql" else None
        return super().db_parameters(connection) | {"collation": collation}


def _index(*columns: str, name: str) -> models.Index:
    """Of what is shown alone: then documents are counted without being read."""
    return models.Index(fields=columns, condition=SHOWN, name=name)


class DocumentQuerySet(models.QuerySet["Document"]):
    def shown(self) -> Self:
        """Of products that have not been deleted."""
        return self.filter(SHOWN)


class Document(models.Model):
    """A product with its stock over all locations, as it was at some moment not long ago.

    Its id is the product's. Units are whole pieces; ``locations`` has a line for each stock
    level, and ``in_stock_at`` the ids of those locations where units are available;
    ``stock_updated_at`` is when any of that changed, None where there is no stock level.
    ``popularity`` is how often it was sold in the last 28 days.

    ``product_version`` and ``inventory_version`` say of which state it was made: a document of an
    older state never replaces one of a newer. Therefore that of a deleted product stays for a day,
    shown to nobody (``is_gone``). Written only by ``catalogue.writing``.
    """

    id = models.UUIDField(primary_key=True, editable=False, db_column=ID)
    sku = models.CharField(max_length=64)
    name = models.CharField(max_length=255)
    name_order = TextInBytesField()
    description = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    images = models.JSONField(default=list)
    barcode = models.CharField(max_length=14, null=True)  # noqa: DJ001  null: has none
    status = models.CharField(max_length=16, choices=[(name, name) for name in STATUSES])
    category_id = models.UUIDField(null=True)
    created_at = MomentField()
    updated_at = MomentField()
    quantity = models.BigIntegerField(default=0)
    reserved = models.BigIntegerField(default=0)
    available = models.BigIntegerField(default=0)
    incoming = models.BigIntegerField(default=0)
    next_eta = models.DateField(null=True)
    stock_updated_at = MomentField(null=True)
    locations = models.JSONField(default=list)
    in_stock_at = models.JSONField(default=list)
    popularity = models.IntegerField(default=0)
    dice = models.IntegerField()
    is_gone = models.BooleanField(default=False)
    product_version = models.BigIntegerField()
    inventory_version = models.BigIntegerField()
    projected_at = models.DateTimeField()

    words: Sequence[str] = ()
    name_words: Sequence[str] = ()
    """Found by PostgreSQL in a column of its own; no columns, but brought along to MongoDB."""

    objects = DocumentQuerySet.as_manager()

    class Meta:
        indexes = [
            _index("available", "id", name="document_by_available"),
            _index("price", "id", name="document_by_price"),
            _index("name_order", "id", name="document_by_name"),
            _index("popularity", "id", name="document_by_popularity"),
            _index("category_id", "id", name="document_in_category"),
            _index("id", name="document_shown"),
            _index("sku", name="document_by_sku"),
            _index("dice", name="document_by_dice"),
            models.Index(
                fields=["status", "id"],
                condition=SHOWN & models.Q(status__in=["draft", "archived"]),
                name="document_not_active",
            ),
            models.Index(fields=["projected_at"], condition=GONE, name="document_gone"),
        ]

    class JSONAPIMeta:
        resource_name = "catalogue"

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"

    @property
    def version(self) -> int:
        """Rises with every change of the product and of its stock."""
        return self.product_version + self.inventory_version


class ShelfQuerySet(models.QuerySet["Shelf"]):
    def with_all_below(self, category_id: UUID) -> set[UUID]:
        """The category and those below it, at any depth; a query for each level of the tree."""
        found: set[UUID] = set()
        level: Iterable[UUID] = [category_id]
        while level := set(level) - found:
            found |= level
            level = self.filter(parent_id__in=level).values_list("pk", flat=True)
        return found


class Shelf(models.Model):
    """A category as documents show it; ``path`` leads from the top of the tree to itself.

    Apart from the documents, because to rename or move one may concern half of them.
    """

    id = models.UUIDField(primary_key=True, editable=False, db_column=ID)
    parent_id = models.UUIDField(null=True)
    name = models.CharField(max_length=255)
    path = models.JSONField(default=list)

    objects = ShelfQuerySet.as_manager()

    class Meta:
        indexes = [models.Index(fields=["parent_id"], name="shelf_by_parent")]

    def __str__(self) -> str:
        return self.name


class Place(models.Model):
    """A location as documents show it: by its code, which may change."""

    id = models.UUIDField(primary_key=True, editable=False, db_column=ID)
    code = models.CharField(max_length=64)

    class Meta:
        indexes = [models.Index(fields=["code"], name="place_by_code")]

    def __str__(self) -> str:
        return self.code
