"""The tables of the catalogue."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.contrib.postgres.search import SearchVectorField
from django.db import models
from django.db.models import F, Func, Q
from django.utils.translation import pgettext_lazy

from common.database import ClockTimestamp
from common.ids import new_id
from products import rules
from products.querysets import CategoryQuerySet, ProductQuerySet

LIVING = Q(deleted_at__isnull=True)


def _name_order() -> models.GeneratedField:
    """What names are sorted by: case and accents do not matter, on any server alike."""
    return models.GeneratedField(
        expression=Func(F("name"), function="products_plain_text"),
        output_field=models.TextField(db_collation="C"),
        db_persist=True,
    )


class Category(models.Model):
    """A shelf of the catalogue; categories form a tree of at most eight levels.

    Written only by ``products.operations``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.CharField(max_length=255)
    slug = models.SlugField(max_length=255, db_index=False)
    parent = models.ForeignKey(
        "self", models.PROTECT, related_name="children", null=True, blank=True
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    name_order = _name_order()

    objects = CategoryQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "categories"
        constraints = [
            models.UniqueConstraint(fields=["slug"], name="category_slug_unique"),
            models.CheckConstraint(
                condition=~Q(parent=F("id")), name="category_not_its_own_parent"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="category_name_not_blank"),
        ]

    class JSONAPIMeta:
        resource_name = "categories"

    def __str__(self) -> str:
        return self.name


class Product(models.Model):
    """What is sold. ``sku`` is its business key, unique among products that are not deleted.

    A deleted product keeps its row and its ledger for staff; nothing of it is shown to clients.
    Written only by ``products.operations``.
    """

    class Status(models.TextChoices):
        DRAFT = "draft", pgettext_lazy("product", "Draft")
        ACTIVE = "active", pgettext_lazy("product", "Active")
        ARCHIVED = "archived", pgettext_lazy("product", "Archived")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    sku = models.CharField("SKU", max_length=64, db_collation="C")
    name = models.CharField(max_length=255)
    description = models.TextField()
    price = models.DecimalField(max_digits=10, decimal_places=2)
    images = ArrayField(models.TextField(), default=list, blank=True)
    barcode = models.CharField(max_length=14, null=True, blank=True)  # noqa: DJ001  null: has none
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    category = models.ForeignKey(
        Category, models.PROTECT, related_name="products", null=True, blank=True, db_index=False
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    deleted_at = models.DateTimeField(null=True, blank=True, editable=False)
    name_order = _name_order()
    search = models.GeneratedField(
        expression=Func(
            F("sku"), F("barcode"), F("name"), F("description"), function="products_search_vector"
        ),
        output_field=SearchVectorField(),
        db_persist=True,
    )

    objects = ProductQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["sku"], condition=LIVING, name="product_sku_unique"),
            models.UniqueConstraint(
                fields=["barcode"], condition=LIVING, name="product_barcode_unique"
            ),
            models.CheckConstraint(
                condition=Q(sku__regex=r"^[A-Z0-9_./-]+$"), name="product_sku_form"
            ),
            models.CheckConstraint(
                condition=Q(price__gt=0, price__lte=rules.MAX_PRICE), name="product_price_range"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="product_name_not_blank"),
            models.CheckConstraint(
                condition=~Q(description=""), name="product_description_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(barcode__isnull=True) | Q(barcode__regex=r"^[0-9]{8,14}$"),
                name="product_barcode_form",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["draft", "active", "archived"]), name="product_status_known"
            ),
            models.CheckConstraint(
                condition=Q(images__len__lte=rules.MAX_IMAGES), name="product_images_limit"
            ),
        ]
        indexes = [
            GinIndex(fields=["search"], condition=LIVING, name="product_search"),
            models.Index(fields=["id"], condition=LIVING, name="product_living"),
            models.Index(fields=["name_order", "id"], condition=LIVING, name="product_by_name"),
            models.Index(fields=["price", "id"], condition=LIVING, name="product_by_price"),
            models.Index(fields=["sku", "id"], condition=LIVING, name="product_by_sku"),
            models.Index(fields=["created_at", "id"], condition=LIVING, name="product_by_creation"),
            models.Index(fields=["updated_at", "id"], condition=LIVING, name="product_by_update"),
            models.Index(
                fields=["category", "id"], include=["deleted_at"], name="product_in_category"
            ),
            models.Index(
                fields=["category", "sku", "id"],
                condition=LIVING,
                name="product_in_category_by_sku",
            ),
            models.Index(
                fields=["category", "name_order", "id"],
                condition=LIVING,
                name="product_in_category_by_name",
            ),
            models.Index(
                fields=["category", "price", "id"],
                condition=LIVING,
                name="product_in_category_by_price",
            ),
            models.Index(
                fields=["status", "id"],
                condition=LIVING & ~Q(status="active"),
                name="product_not_active",
            ),
            models.Index(
                fields=["sku", "id"],
                condition=Q(deleted_at__isnull=False),
                name="product_deleted",
            ),
        ]

    class JSONAPIMeta:
        resource_name = "products"

    def __str__(self) -> str:
        return f"{self.sku} {self.name}"

    @property
    def is_gone(self) -> bool:
        """Clients do not see it any more."""
        return self.deleted_at is not None
