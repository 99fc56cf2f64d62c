"""Supply that is on its way, and stock that is promised."""

import django.db.models.deletion
import django.db.models.expressions
from django.contrib.postgres.operations import AddConstraintNotValid
from django.db import migrations, models

import common.database
import common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0004_indexes_for_a_million"),
        ("products", "0004_indexes_for_a_million"),
    ]

    operations = [
        migrations.CreateModel(
            name="Allocation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("quantity", models.PositiveBigIntegerField()),
            ],
        ),
        migrations.CreateModel(
            name="Batch",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("reference", models.CharField(max_length=255)),
                ("quantity", models.PositiveBigIntegerField()),
                ("received_quantity", models.PositiveBigIntegerField(default=0)),
                ("allocated", models.PositiveBigIntegerField(default=0)),
                ("eta", models.DateField(blank=True, null=True, verbose_name="ETA")),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("incoming", "Incoming"),
                            ("received", "Received"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="incoming",
                        max_length=16,
                    ),
                ),
                ("version", models.PositiveBigIntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=common.database.ClockTimestamp(), editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=common.database.ClockTimestamp(), editable=False
                    ),
                ),
            ],
            options={
                "verbose_name_plural": "batches",
            },
        ),
        migrations.CreateModel(
            name="Reservation",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("order_reference", models.CharField(max_length=255)),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("active", "Active"),
                            ("confirmed", "Confirmed"),
                            ("shipped", "Shipped"),
                            ("released", "Released"),
                            ("expired", "Expired"),
                        ],
                        default="active",
                        max_length=16,
                    ),
                ),
                ("allow_incoming", models.BooleanField(default=False)),
                ("expires_at", models.DateTimeField(blank=True, null=True)),
                ("actor", models.CharField(max_length=255)),
                ("request_id", models.CharField(max_length=128)),
                ("version", models.PositiveBigIntegerField(default=1, editable=False)),
                (
                    "created_at",
                    models.DateTimeField(
                        db_default=common.database.ClockTimestamp(), editable=False
                    ),
                ),
                (
                    "updated_at",
                    models.DateTimeField(
                        db_default=common.database.ClockTimestamp(), editable=False
                    ),
                ),
            ],
            options={
                "permissions": [
                    ("release_reservation", "Can release a reservation"),
                    ("extend_reservation", "Can extend a reservation"),
                ],
            },
        ),
        migrations.CreateModel(
            name="ReservationLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("quantity", models.PositiveBigIntegerField()),
                ("shipped", models.PositiveBigIntegerField(default=0)),
                ("unallocated", models.PositiveBigIntegerField(default=0)),
            ],
        ),
        migrations.AddField(
            model_name="stocklevel",
            name="incoming",
            field=models.PositiveBigIntegerField(db_default=0, default=0),
        ),
        migrations.AddField(
            model_name="stocklevel",
            name="next_eta",
            field=models.DateField(blank=True, null=True),
        ),
        AddConstraintNotValid(
            model_name="stocklevel",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("incoming", 0), ("next_eta", None)),
                    models.Q(("incoming__gt", 0), ("next_eta__isnull", False)),
                    _connector="OR",
                ),
                name="stock_level_incoming_eta",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="stock_level",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="inventory.stocklevel",
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="location",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="batches",
                to="inventory.location",
            ),
        ),
        migrations.AddField(
            model_name="batch",
            name="product",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="batches",
                to="products.product",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="batch",
            field=models.ForeignKey(
                blank=True,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="inventory.batch",
            ),
        ),
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(
                condition=models.Q(("status", "active")),
                fields=["expires_at", "id"],
                name="reservation_expiring",
            ),
        ),
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(fields=["order_reference", "id"], name="reservation_of_order"),
        ),
        migrations.AddIndex(
            model_name="reservation",
            index=models.Index(fields=["status", "id"], name="reservation_by_status"),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status__in", ["active", "confirmed"])),
                fields=("order_reference",),
                name="reservation_open_order_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.CheckConstraint(
                condition=models.Q(("order_reference", ""), _negated=True),
                name="reservation_order_not_blank",
            ),
        ),
        migrations.AddConstraint(
            model_name="reservation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("expires_at", None), ("status", "active"), _negated=True),
                    models.Q(("expires_at__isnull", False), ("status", "confirmed"), _negated=True),
                ),
                name="reservation_expiry_agrees",
            ),
        ),
        migrations.AddField(
            model_name="reservationline",
            name="product",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="reservation_lines",
                to="products.product",
            ),
        ),
        migrations.AddField(
            model_name="reservationline",
            name="reservation",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="lines",
                to="inventory.reservation",
            ),
        ),
        migrations.AddField(
            model_name="allocation",
            name="line",
            field=models.ForeignKey(
                db_index=False,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="allocations",
                to="inventory.reservationline",
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(
                condition=models.Q(("status", "incoming")),
                fields=["product", "eta", "id"],
                name="batch_incoming",
            ),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["product", "id"], name="batch_of_product"),
        ),
        migrations.AddIndex(
            model_name="batch",
            index=models.Index(fields=["eta", "id"], name="batch_by_eta"),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.UniqueConstraint(
                fields=("reference",), name="batch_reference_unique"
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(("reference", ""), _negated=True),
                name="batch_reference_not_blank",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="batch_quantity_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("allocated__gte", 0),
                    (
                        "allocated__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("quantity"), "-", models.F("received_quantity")
                        ),
                    ),
                ),
                name="batch_allocated_outstanding",
            ),
        ),
        migrations.AddConstraint(
            model_name="batch",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(
                        ("eta__isnull", False),
                        ("received_quantity__lt", models.F("quantity")),
                        ("status", "incoming"),
                    ),
                    models.Q(("received_quantity", models.F("quantity")), ("status", "received")),
                    models.Q(
                        ("allocated", 0),
                        ("received_quantity__lt", models.F("quantity")),
                        ("status", "cancelled"),
                    ),
                    _connector="OR",
                ),
                name="batch_status_agrees",
            ),
        ),
        migrations.AddIndex(
            model_name="reservationline",
            index=models.Index(
                fields=["product", "reservation"], name="reservation_line_of_product"
            ),
        ),
        migrations.AddIndex(
            model_name="reservationline",
            index=models.Index(
                condition=models.Q(("unallocated__gt", 0)),
                fields=["product", "id"],
                name="reservation_line_waiting",
            ),
        ),
        migrations.AddConstraint(
            model_name="reservationline",
            constraint=models.UniqueConstraint(
                fields=("reservation", "product"), name="reservation_line_one_product"
            ),
        ),
        migrations.AddConstraint(
            model_name="reservationline",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="reservation_line_quantity_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="reservationline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("shipped__gte", 0),
                    ("unallocated__gte", 0),
                    (
                        "shipped__lte",
                        django.db.models.expressions.CombinedExpression(
                            models.F("quantity"), "-", models.F("unallocated")
                        ),
                    ),
                ),
                name="reservation_line_adds_up",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("batch", None), ("stock_level__isnull", False)),
                    models.Q(("batch__isnull", False), ("stock_level", None)),
                    _connector="OR",
                ),
                name="allocation_one_supply",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(("quantity__gte", 1)), name="allocation_quantity_positive"
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("batch", None)),
                fields=("line", "stock_level"),
                name="allocation_line_level_unique",
            ),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.UniqueConstraint(
                condition=models.Q(("stock_level", None)),
                fields=("line", "batch"),
                name="allocation_line_batch_unique",
            ),
        ),
    ]
