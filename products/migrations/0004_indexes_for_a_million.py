"""Lists of products cost the same however many there are (make bench).

Counts of a category need the index alone; a category sorted by SKU, name or price is walked in
order, because each may go together with the category; drafts, archived and deleted products are
found among many others. Built while the table is used.
"""

from django.contrib.postgres.operations import (
    AddIndexConcurrently,
    RemoveIndexConcurrently,
    ValidateConstraint,
)
from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    atomic = False

    dependencies = [("products", "0003_rare_words")]

    operations = [
        ValidateConstraint("product", "product_sku_form"),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["category", "id"], include=("deleted_at",), name="product_in_category"
            ),
        ),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["category", "sku", "id"],
                condition=Q(deleted_at__isnull=True),
                name="product_in_category_by_sku",
            ),
        ),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["category", "name_order", "id"],
                condition=Q(deleted_at__isnull=True),
                name="product_in_category_by_name",
            ),
        ),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["category", "price", "id"],
                condition=Q(deleted_at__isnull=True),
                name="product_in_category_by_price",
            ),
        ),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["status", "id"],
                condition=Q(("deleted_at__isnull", True), Q(("status", "active"), _negated=True)),
                name="product_not_active",
            ),
        ),
        AddIndexConcurrently(
            "product",
            models.Index(
                fields=["sku", "id"],
                condition=Q(deleted_at__isnull=False),
                name="product_deleted",
            ),
        ),
        RemoveIndexConcurrently("product", "product_by_category"),
    ]
