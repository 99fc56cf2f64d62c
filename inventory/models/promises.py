"""Supply that is on its way, and what is promised of it and of what is on hand."""

from __future__ import annotations

from django.db import models
from django.db.models import F, Q
from django.utils.translation import pgettext_lazy

from common.database import ClockTimestamp
from common.ids import new_id
from inventory.models.stock import MAX_ON_HAND, Location, StockLevel
from inventory.querysets import BatchQuerySet, ReservationQuerySet


class Batch(models.Model):
    """Units of a product that were ordered for a location.

    ``received_quantity`` of its ``quantity`` have arrived; ``allocated`` of the others are
    promised to open reservations. ``eta`` is the date when they are expected; a batch without one
    was received at once. Written only by ``inventory.operations``, under the lock of the
    product's stock levels.
    """

    class Status(models.TextChoices):
        INCOMING = "incoming", pgettext_lazy("batch", "Incoming")
        RECEIVED = "received", pgettext_lazy("batch", "Received")
        CANCELLED = "cancelled", pgettext_lazy("batch", "Cancelled")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    product = models.ForeignKey(
        "products.Product", models.PROTECT, related_name="batches", db_index=False
    )
    location = models.ForeignKey(Location, models.PROTECT, related_name="batches")
    reference = models.CharField(max_length=255)
    quantity = models.PositiveBigIntegerField()
    received_quantity = models.PositiveBigIntegerField(default=0)
    allocated = models.PositiveBigIntegerField(default=0)
    eta = models.DateField("ETA", null=True, blank=True)
    status = models.CharField(max_length=16, choices=Status, default=Status.INCOMING)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = BatchQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "batches"
        permissions = [("receive_batch", "Can receive a batch")]
        constraints = [
            models.UniqueConstraint(fields=["reference"], name="batch_reference_unique"),
            models.CheckConstraint(condition=~Q(reference=""), name="batch_reference_not_blank"),
            models.CheckConstraint(condition=Q(quantity__gte=1), name="batch_quantity_positive"),
            models.CheckConstraint(
                condition=Q(quantity__lte=MAX_ON_HAND), name="batch_quantity_limit"
            ),
            models.CheckConstraint(
                condition=Q(
                    allocated__gte=0, allocated__lte=F("quantity") - F("received_quantity")
                ),
                name="batch_allocated_outstanding",
            ),
            models.CheckConstraint(
                condition=Q(
                    status="incoming", received_quantity__lt=F("quantity"), eta__isnull=False
                )
                | Q(status="received", received_quantity=F("quantity"))
                | Q(status="cancelled", received_quantity__lt=F("quantity"), allocated=0),
                name="batch_status_agrees",
            ),
        ]
        indexes = [
            models.Index(
                fields=["product", "eta", "id"],
                condition=Q(status="incoming"),
                name="batch_incoming",
            ),
            models.Index(fields=["product", "id"], name="batch_of_product"),
            models.Index(fields=["eta", "id"], name="batch_by_eta"),
            models.Index(fields=["created_at", "id"], name="batch_by_creation"),
        ]

    class JSONAPIMeta:
        resource_name = "batches"

    def __str__(self) -> str:
        return self.reference

    @property
    def outstanding(self) -> int:
        """Units that are still to arrive."""
        is_incoming = self.status == self.Status.INCOMING
        return self.quantity - self.received_quantity if is_incoming else 0


class Reservation(models.Model):
    """A hold of stock for one order, until it is confirmed, shipped, released or expires.

    ``active`` ones expire at ``expires_at`` by the database's clock, whether or not the sweeper
    has been there; confirmed ones do not. ``allow_incoming``: batches may supply it.
    """

    class Status(models.TextChoices):
        ACTIVE = "active", pgettext_lazy("reservation", "Active")
        CONFIRMED = "confirmed", pgettext_lazy("reservation", "Confirmed")
        SHIPPED = "shipped", pgettext_lazy("reservation", "Shipped")
        RELEASED = "released", pgettext_lazy("reservation", "Released")
        EXPIRED = "expired", pgettext_lazy("reservation", "Expired")

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    order_reference = models.CharField(max_length=255)
    status = models.CharField(max_length=16, choices=Status, default=Status.ACTIVE)
    allow_incoming = models.BooleanField(default=False)
    expires_at = models.DateTimeField(null=True, blank=True)
    actor = models.CharField(max_length=255)
    request_id = models.CharField(max_length=128)
    version = models.PositiveBigIntegerField(default=1, editable=False)
    created_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)
    updated_at = models.DateTimeField(db_default=ClockTimestamp(), editable=False)

    objects = ReservationQuerySet.as_manager()

    class Meta:
        permissions = [
            ("release_reservation", "Can release a reservation"),
            ("extend_reservation", "Can extend a reservation"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["order_reference"],
                condition=Q(status__in=["active", "confirmed"]),
                name="reservation_open_order_unique",
            ),
            models.CheckConstraint(
                condition=~Q(order_reference=""), name="reservation_order_not_blank"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["active", "confirmed", "shipped", "released", "expired"]),
                name="reservation_status_known",
            ),
            models.CheckConstraint(
                condition=~Q(status="active", expires_at=None)
                & ~Q(status="confirmed", expires_at__isnull=False),
                name="reservation_expiry_agrees",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at", "id"],
                condition=Q(status="active"),
                name="reservation_expiring",
            ),
            models.Index(fields=["order_reference", "id"], name="reservation_of_order"),
            models.Index(fields=["status", "id"], name="reservation_by_status"),
            models.Index(fields=["created_at", "id"], name="reservation_by_creation"),
            models.Index(fields=["expires_at", "id"], name="reservation_by_expiry"),
        ]

    class JSONAPIMeta:
        resource_name = "reservations"

    def __str__(self) -> str:
        return self.order_reference


class ReservationLine(models.Model):
    """So many units of one product in a reservation.

    While the reservation is open and not overdue: quantity = shipped + allocated + unallocated.
    Its allocations and ``unallocated`` change under the lock of the product's stock levels.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    reservation = models.ForeignKey(
        Reservation, models.PROTECT, related_name="lines", db_index=False
    )
    product = models.ForeignKey(
        "products.Product", models.PROTECT, related_name="reservation_lines", db_index=False
    )
    quantity = models.PositiveBigIntegerField()
    shipped = models.PositiveBigIntegerField(default=0)
    unallocated = models.PositiveBigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["reservation", "product"], name="reservation_line_one_product"
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1), name="reservation_line_quantity_positive"
            ),
            models.CheckConstraint(
                condition=Q(quantity__lte=MAX_ON_HAND), name="reservation_line_quantity_limit"
            ),
            models.CheckConstraint(
                condition=Q(shipped__gte=0, unallocated__gte=0)
                & Q(shipped__lte=F("quantity") - F("unallocated")),
                name="reservation_line_adds_up",
            ),
        ]
        indexes = [
            models.Index(fields=["product", "reservation"], name="reservation_line_of_product"),
            models.Index(
                fields=["product", "id"],
                condition=Q(unallocated__gt=0),
                name="reservation_line_waiting",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} of {self.product}"


class Allocation(models.Model):
    """Which stock level or batch supplies which part of a line that has not been shipped.

    Part of a line and of its supply: it goes when the units are shipped or let go.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    line = models.ForeignKey(
        ReservationLine, models.PROTECT, related_name="allocations", db_index=False
    )
    stock_level = models.ForeignKey(
        StockLevel, models.PROTECT, related_name="allocations", null=True, blank=True
    )
    batch = models.ForeignKey(
        Batch, models.PROTECT, related_name="allocations", null=True, blank=True
    )
    quantity = models.PositiveBigIntegerField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(stock_level__isnull=False, batch=None)
                | Q(stock_level=None, batch__isnull=False),
                name="allocation_one_supply",
            ),
            models.CheckConstraint(
                condition=Q(quantity__gte=1), name="allocation_quantity_positive"
            ),
            models.UniqueConstraint(
                fields=["line", "stock_level"],
                condition=Q(batch=None),
                name="allocation_line_level_unique",
            ),
            models.UniqueConstraint(
                fields=["line", "batch"],
                condition=Q(stock_level=None),
                name="allocation_line_batch_unique",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.quantity} from {self.batch or self.stock_level}"
