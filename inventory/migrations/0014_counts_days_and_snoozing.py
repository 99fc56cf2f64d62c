"""Sheets to count by, what moved on each day, and a pause for the reminder to reorder."""

import django.db.models.deletion
from django.db import migrations, models

import common.database
import common.ids


class Migration(migrations.Migration):
    dependencies = [
        ("inventory", "0013_indexes_for_sorting_promises"),
    ]

    operations = [
        migrations.AlterModelOptions(
            name="stocklevel",
            options={
                "permissions": [
                    ("receive_stock", "Can receive stock"),
                    ("adjust_stock", "Can adjust stock"),
                    ("count_stock", "Can set a counted quantity"),
                    ("transfer_stock", "Can transfer stock"),
                    ("reverse_movement", "Can reverse a stock movement"),
                ]
            },
        ),
        migrations.AddField(
            model_name="stocklevel",
            name="snoozed_until",
            field=models.DateField(blank=True, null=True),
        ),
        migrations.CreateModel(
            name="CountSheet",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("name", models.CharField(max_length=255)),
                ("scope", models.CharField(blank=True, max_length=255)),
                ("is_blind", models.BooleanField(default=False)),
                (
                    "status",
                    models.CharField(
                        choices=[("open", "Open"), ("closed", "Closed")],
                        default="open",
                        max_length=16,
                    ),
                ),
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
                (
                    "location",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="count_sheets",
                        to="inventory.location",
                    ),
                ),
            ],
            options={
                "permissions": [("apply_countsheet", "Can apply counts to the stock")],
            },
        ),
        migrations.CreateModel(
            name="CountLine",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=common.ids.new_id, editable=False, primary_key=True, serialize=False
                    ),
                ),
                ("expected", models.PositiveBigIntegerField()),
                ("seen_sequence", models.PositiveBigIntegerField()),
                ("counted", models.PositiveBigIntegerField(blank=True, null=True)),
                ("counted_by", models.CharField(blank=True, max_length=255)),
                ("counted_at", models.DateTimeField(blank=True, null=True)),
                ("note", models.CharField(blank=True, max_length=1000)),
                ("version", models.PositiveBigIntegerField(default=1, editable=False)),
                (
                    "movement",
                    models.OneToOneField(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="count_line",
                        to="inventory.stockmovement",
                    ),
                ),
                (
                    "stock_level",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="count_lines",
                        to="inventory.stocklevel",
                    ),
                ),
                (
                    "sheet",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="lines",
                        to="inventory.countsheet",
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="StockDay",
            fields=[
                (
                    "pk",
                    models.CompositePrimaryKey(
                        "stock_level_id",
                        "day",
                        "reason",
                        blank=True,
                        editable=False,
                        primary_key=True,
                        serialize=False,
                    ),
                ),
                ("day", models.DateField()),
                (
                    "reason",
                    models.CharField(
                        choices=[
                            ("receipt", "Receipt"),
                            ("sale", "Sale"),
                            ("adjustment", "Adjustment"),
                            ("count", "Count"),
                            ("return", "Return"),
                            ("damage", "Damage"),
                            ("transfer_in", "Transfer In"),
                            ("transfer_out", "Transfer Out"),
                            ("shipment", "Shipment"),
                            ("reversal", "Reversal"),
                        ],
                        max_length=16,
                    ),
                ),
                ("units", models.BigIntegerField()),
                ("movements", models.PositiveIntegerField()),
                (
                    "stock_level",
                    models.ForeignKey(
                        db_index=False,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="days",
                        to="inventory.stocklevel",
                    ),
                ),
            ],
        ),
        migrations.AddIndex(
            model_name="countsheet",
            index=models.Index(fields=["status", "-id"], name="count_sheet_by_status"),
        ),
        migrations.AddConstraint(
            model_name="countsheet",
            constraint=models.CheckConstraint(
                condition=models.Q(("name", ""), _negated=True), name="count_sheet_name_not_blank"
            ),
        ),
        migrations.AddConstraint(
            model_name="countsheet",
            constraint=models.CheckConstraint(
                condition=models.Q(("status__in", ["open", "closed"])),
                name="count_sheet_status_known",
            ),
        ),
        migrations.AddConstraint(
            model_name="countline",
            constraint=models.UniqueConstraint(
                fields=("sheet", "stock_level"), name="count_line_once"
            ),
        ),
        migrations.AddConstraint(
            model_name="countline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("counted", None),
                    models.Q(("counted__gte", 0), ("counted__lte", 1000000000000)),
                    _connector="OR",
                ),
                name="count_line_counted_range",
            ),
        ),
        migrations.AddConstraint(
            model_name="countline",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("counted", None), ("counted_at", None)),
                    models.Q(("counted__isnull", False), ("counted_at__isnull", False)),
                    _connector="OR",
                ),
                name="count_line_counted_when",
            ),
        ),
        migrations.AddConstraint(
            model_name="countline",
            constraint=models.CheckConstraint(
                condition=models.Q(("movement", None), ("counted__isnull", False), _connector="OR"),
                name="count_line_counted_before_applied",
            ),
        ),
        migrations.AddIndex(
            model_name="stockday",
            index=models.Index(fields=["day", "reason"], name="stock_day_by_day"),
        ),
        migrations.AddConstraint(
            model_name="stockday",
            constraint=models.CheckConstraint(
                condition=models.Q(("movements__gte", 1)), name="stock_day_movements"
            ),
        ),
    ]
