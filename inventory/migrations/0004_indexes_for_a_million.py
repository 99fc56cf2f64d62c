"""Lists of stock cost the same however much there is (make bench).

The product in an index lets PostgreSQL count levels without reading them. Indexes that only
repeated the beginning of another one go. Built while the tables are used.
"""

import django.db.models.deletion
from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models
from django.db.models import F, Q

MODELS = {"product": "products.product", "location": "inventory.location"}


def without_own_index(
    model: str, field: str, index: str, related_name: str
) -> migrations.SeparateDatabaseAndState:
    """Drop the index of a foreign key. AlterField would check the key for every row anew."""
    table = f"inventory_{model}"
    foreign_key = models.ForeignKey(
        db_index=False,
        on_delete=django.db.models.deletion.PROTECT,
        related_name=related_name,
        to=MODELS[field],
    )
    return migrations.SeparateDatabaseAndState(
        database_operations=[
            migrations.RunSQL(
                f"DROP INDEX CONCURRENTLY IF EXISTS {index}",
                f"CREATE INDEX CONCURRENTLY {index} ON {table} ({field}_id)",
            )
        ],
        state_operations=[migrations.AlterField(model, field, foreign_key)],
    )


class Migration(migrations.Migration):
    atomic = False

    dependencies = [
        ("inventory", "0003_share_of_low_levels"),
        ("products", "0004_indexes_for_a_million"),
    ]

    operations = [
        AddIndexConcurrently(
            "stocklevel",
            models.Index(
                fields=["available", "id"],
                include=("product", "location"),
                name="stock_level_available",
            ),
        ),
        AddIndexConcurrently(
            "stocklevel",
            models.Index(
                fields=["on_hand", "id"], include=("product",), name="stock_level_on_hand"
            ),
        ),
        AddIndexConcurrently(
            "stocklevel",
            models.Index(
                fields=["location", "id"], include=("product",), name="stock_level_at_location"
            ),
        ),
        AddIndexConcurrently(
            "stocklevel",
            models.Index(
                fields=["id"],
                include=("product", "location"),
                condition=Q(available__lte=F("reorder_point"), reorder_point__isnull=False),
                name="stock_level_low",
            ),
        ),
        AddIndexConcurrently(
            "stockmovement",
            models.Index(fields=["created_at", "id"], name="stock_movement_by_time"),
        ),
        AddIndexConcurrently(
            "transfer", models.Index(fields=["product", "id"], name="transfer_of_product")
        ),
        AddIndexConcurrently(
            "transfer",
            models.Index(
                fields=["reference", "id"], condition=~Q(reference=""), name="transfer_reference"
            ),
        ),
        RemoveIndexConcurrently("stocklevel", "stock_level_by_available"),
        RemoveIndexConcurrently("stocklevel", "stock_level_by_on_hand"),
        RemoveIndexConcurrently("stocklevel", "stock_level_reordered"),
        RemoveIndexConcurrently("stockmovement", "stock_movement_created"),
        without_own_index(
            "stocklevel", "product", "inventory_stocklevel_product_id_0fcddfdf", "stock_levels"
        ),
        without_own_index(
            "stocklevel", "location", "inventory_stocklevel_location_id_14713b21", "stock_levels"
        ),
        without_own_index(
            "transfer", "product", "inventory_transfer_product_id_daf18cf6", "transfers"
        ),
    ]
