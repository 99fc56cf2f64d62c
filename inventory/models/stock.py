"""Places, stock and the ledger."""

from __future__ import annotations

from typing import Final

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.database import ClockTimestamp
from common.ids import new_id
from inventory.querysets import (
    LOW,
    LocationQuerySet,
    StockLevelQuerySet,
    StockMovementQuerySet,
)

MAX_ON_HAND: Final = 10**12


class Location(models.Model):
    """A place that holds stock; ``main``, the default one, always exists.

    Stock is taken from locations in the order of ``priority``, lower first.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    code = models.CharField(max_length=64, db_collation="C")
    name = models.CharField(max_length=255)
    priority = models.IntegerField(default=100)
    is_active = models.BooleanField(default=True)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = LocationQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["code"], name="location_code_unique"),
            models.CheckConstraint(
                condition=Q(code__regex=r"^[a-z0-9_.-]{1,64}$"), name="location_code_form"
            ),
            models.CheckConstraint(condition=~Q(name=""), name="location_name_not_blank"),
        ]

    class JSONAPIMeta:
        resource_name = "locations"

    def __str__(self) -> str:
        return self.name


class Alert(models.TextChoices):
    """What others have been told of a stock level; nothing for enough, or never anything."""

    LOW = "low"
    OUT = "out"


class StockLevel(models.Model):
    """Units of one product at one location, now.

    ``on_hand`` counts units on the shelf; ``reserved`` counts those promised to open
    reservations. ``available`` is their difference, computed by PostgreSQL: after an UPDATE,
    refresh before reading it. ``incoming`` counts units of batches that are still to arrive here,
    the first of them at ``next_eta``. ``movement_count`` is the sequence of the last movement.
    Until the day ``snoozed_until`` nobody wants to be reminded to order more.
    Written only by ``inventory.operations``.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    product = models.ForeignKey(
        "products.Product", models.PROTECT, related_name="stock_levels", db_index=False
    )
    location = models.ForeignKey(
        Location, models.PROTECT, related_name="stock_levels", db_index=False
    )
    on_hand = models.PositiveBigIntegerField(default=0)
    reserved = models.PositiveBigIntegerField(default=0)
    available = models.GeneratedField(
        expression=F("on_hand") - F("reserved"),
        output_field=models.BigIntegerField(),
        db_persist=True,
    )
    incoming = models.PositiveBigIntegerField(default=0, db_default=0)
    next_eta = models.DateField(null=True, blank=True)
    movement_count = models.PositiveBigIntegerField(default=0, editable=False)
    reorder_point = models.PositiveIntegerField(null=True, blank=True)
    reorder_quantity = models.PositiveIntegerField(null=True, blank=True)
    safety_stock = models.PositiveIntegerField(default=0)
    snoozed_until = models.DateField(null=True, blank=True)
    alert = models.CharField(
        max_length=8, choices=Alert, blank=True, default="", db_default="", editable=False
    )
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = StockLevelQuerySet.as_manager()

    class Meta:
        permissions = [
            ("receive_stock", "Can receive stock"),
            ("adjust_stock", "Can adjust stock"),
            ("count_stock", "Can set a counted quantity"),
            ("transfer_stock", "Can transfer stock"),
            ("reverse_movement", "Can reverse a stock movement"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["product", "location"], name="stock_level_one_place"),
            models.CheckConstraint(
                condition=Q(reserved__gte=0, reserved__lte=F("on_hand")),
                name="stock_level_reserved_on_hand",
            ),
            models.CheckConstraint(
                condition=Q(on_hand__gte=0, on_hand__lte=MAX_ON_HAND),
                name="stock_level_on_hand_limit",
            ),
            models.CheckConstraint(
                condition=Q(incoming=0, next_eta=None) | Q(incoming__gt=0, next_eta__isnull=False),
                name="stock_level_incoming_eta",
            ),
            models.CheckConstraint(
                condition=Q(alert__in=["", *Alert.values]), name="stock_level_alert_known"
            ),
        ]
        indexes = [
            # With the product, so that levels are counted without reading them.
            models.Index(
                fields=["available", "id"],
                include=["product", "location"],
                name="stock_level_available",
            ),
            models.Index(fields=["on_hand", "id"], include=["product"], name="stock_level_on_hand"),
            models.Index(fields=["updated_at", "id"], name="stock_level_by_update"),
            models.Index(
                fields=["location", "id"], include=["product"], name="stock_level_at_location"
            ),
            models.Index(
                fields=["id"],
                include=["product", "location"],
                condition=Q(LOW),
                name="stock_level_is_low",
            ),
        ]

    class JSONAPIMeta:
        resource_name = "stock-levels"

    def __str__(self) -> str:
        return _("%(product)s at %(location)s") % {
            "product": self.product,
            "location": self.location,
        }

    @property
    def is_gone(self) -> bool:
        """Clients do not see it any more: its product has been deleted."""
        return self.product.is_gone


class Transfer(models.Model):
    """Units of one product moved between two locations: two movements, one transaction."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    product = models.ForeignKey(
        "products.Product", models.PROTECT, related_name="transfers", db_index=False
    )
    from_location = models.ForeignKey(Location, models.PROTECT, related_name="transfers_out")
    to_location = models.ForeignKey(Location, models.PROTECT, related_name="transfers_in")
    quantity = models.PositiveBigIntegerField()
    reference = models.CharField(max_length=255, blank=True)
    note = models.TextField(max_length=1000, blank=True)
    reversal_of = models.OneToOneField(
        "self", models.PROTECT, related_name="reversal", null=True, blank=True
    )
    actor = models.CharField(max_length=255)
    request_id = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    class Meta:
        constraints = [
            models.CheckConstraint(condition=Q(quantity__gte=1), name="transfer_quantity_positive"),
            models.CheckConstraint(
                condition=~Q(from_location=F("to_location")), name="transfer_between_two"
            ),
        ]
        indexes = [
            models.Index(fields=["product", "id"], name="transfer_of_product"),
            models.Index(
                fields=["reference", "id"], condition=~Q(reference=""), name="transfer_reference"
            ),
        ]

    class JSONAPIMeta:
        resource_name = "transfers"

    version = 1
    """A transfer never changes."""

    def __str__(self) -> str:
        return _("%(quantity)s from %(origin)s to %(target)s") % {
            "quantity": self.quantity,
            "origin": self.from_location,
            "target": self.to_location,
        }


class StockMovement(models.Model):
    """One signed change of on hand at one stock level: a line of the ledger.

    Never edited, never deleted: a trigger refuses both. ``sequence`` counts 1, 2, 3 … without
    gaps for each stock level; ``on_hand_after`` is the running total. Actor and reference are
    copied text, so that they outlive what they name.
    """

    class Reason(models.TextChoices):
        RECEIPT = "receipt", gettext_lazy("Receipt")
        SALE = "sale", gettext_lazy("Sale")
        ADJUSTMENT = "adjustment", gettext_lazy("Adjustment")
        COUNT = "count", gettext_lazy("Count")
        RETURN = "return", gettext_lazy("Return")
        DAMAGE = "damage", gettext_lazy("Damage")
        TRANSFER_IN = "transfer_in", gettext_lazy("Transfer In")
        TRANSFER_OUT = "transfer_out", gettext_lazy("Transfer Out")
        SHIPMENT = "shipment", gettext_lazy("Shipment")
        REVERSAL = "reversal", gettext_lazy("Reversal")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    stock_level = models.ForeignKey(
        StockLevel, models.PROTECT, related_name="movements", db_index=False
    )
    product = models.ForeignKey(
        "products.Product", models.PROTECT, related_name="movements", db_index=False
    )
    location = models.ForeignKey(Location, models.PROTECT, related_name="movements", db_index=False)
    sequence = models.PositiveBigIntegerField()
    delta = models.BigIntegerField()
    on_hand_after = models.PositiveBigIntegerField()
    reason = models.CharField(max_length=16, choices=Reason)
    reference = models.CharField(max_length=255, blank=True)
    note = models.TextField(max_length=1000, blank=True)
    transfer = models.ForeignKey(
        Transfer, models.PROTECT, related_name="movements", null=True, blank=True
    )
    reversal_of = models.OneToOneField(
        "self", models.PROTECT, related_name="reversal", null=True, blank=True
    )
    actor = models.CharField(max_length=255)
    request_id = models.CharField(max_length=128)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = StockMovementQuerySet.as_manager()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["stock_level", "sequence"], name="stock_movement_sequence_unique"
            ),
            models.CheckConstraint(
                condition=Q(sequence__gte=1), name="stock_movement_sequence_positive"
            ),
            models.CheckConstraint(
                condition=~Q(delta=0) | Q(reason="count"), name="stock_movement_moves"
            ),
            models.CheckConstraint(
                condition=Q(on_hand_after__gte=0, on_hand_after__lte=MAX_ON_HAND),
                name="stock_movement_on_hand_range",
            ),
        ]
        indexes = [
            models.Index(fields=["product", "id"], name="stock_movement_of_product"),
            models.Index(fields=["location", "id"], name="stock_movement_at_location"),
            models.Index(
                fields=["reference", "id"],
                condition=~Q(reference=""),
                name="stock_movement_reference",
            ),
            models.Index(fields=["reason", "id"], name="stock_movement_reason"),
            models.Index(fields=["created_at", "id"], name="stock_movement_by_time"),
        ]

    class JSONAPIMeta:
        resource_name = "stock-movements"

    version = 1
    """A movement never changes."""

    def __str__(self) -> str:
        return f"{self.delta:+} {self.get_reason_display().lower()}".replace("-", "−")
