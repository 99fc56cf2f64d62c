"""How supply on its way and promises look in answers, and what a client may send."""

from __future__ import annotations

from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.access.scopes import Scope
from common.api import fields
from common.api.relations import ToOne
from common.api.serializers import Link, StrictSerializer
from inventory.api.serializers import PRODUCT, LocationSerializer, OfProduct
from inventory.models import Batch, Reservation, StockLevel
from inventory.operations.reservations import DEFAULT, LONGEST

MOST_LINES = 200


class BatchSerializer(serializers.ModelSerializer):
    product = ToOne("products")
    location = ToOne("locations")
    included_serializers = {"product": PRODUCT, "location": LocationSerializer}

    class Meta:
        model = Batch
        resource_name = "batches"
        read_scope = Scope.INVENTORY_READ
        fields = [
            "reference",
            "quantity",
            "received_quantity",
            "allocated",
            "eta",
            "status",
            "version",
            "created_at",
            "updated_at",
            "product",
            "location",
        ]


class ShareSerializer(drf.Serializer):
    """Which location, or which batch, supplies how many units of a line."""

    location = drf.CharField(read_only=True)
    batch = drf.CharField(read_only=True, allow_null=True)
    quantity = drf.IntegerField(read_only=True)
    eta = drf.DateField(read_only=True, allow_null=True)


class HeldLineSerializer(drf.Serializer):
    """A line of a reservation, and what supplies the part of it that has not been shipped."""

    product_id = drf.UUIDField(read_only=True)
    sku = drf.CharField(read_only=True)
    quantity = drf.IntegerField(read_only=True)
    shipped = drf.IntegerField(read_only=True)
    unallocated = drf.IntegerField(read_only=True)
    allocations = ShareSerializer(many=True, read_only=True)
    promise_date = drf.DateField(read_only=True, allow_null=True)


class ReservationSerializer(serializers.Serializer):
    """A hold of stock for one order."""

    order_reference = drf.CharField(read_only=True, source="reservation.order_reference")
    status = drf.ChoiceField(
        Reservation.Status.choices, read_only=True, source="reservation.status"
    )
    allow_incoming = drf.BooleanField(read_only=True, source="reservation.allow_incoming")
    expires_at = drf.DateTimeField(read_only=True, allow_null=True, source="reservation.expires_at")
    lines = HeldLineSerializer(many=True, read_only=True)
    promise_date = drf.DateField(read_only=True, allow_null=True)
    version = drf.IntegerField(read_only=True)
    created_at = drf.DateTimeField(read_only=True, source="reservation.created_at")
    updated_at = drf.DateTimeField(read_only=True, source="reservation.updated_at")

    class Meta:
        model = Reservation
        resource_name = "reservations"
        read_scope = Scope.INVENTORY_READ


class AvailableLineSerializer(drf.Serializer):
    """What could be promised of a line now, and by when."""

    sku = drf.CharField(read_only=True)
    product_id = drf.UUIDField(read_only=True)
    quantity = drf.IntegerField(read_only=True)
    available = drf.IntegerField(read_only=True)
    shortfall = drf.IntegerField(read_only=True)
    allocations = ShareSerializer(many=True, read_only=True)
    promise_date = drf.DateField(read_only=True, allow_null=True)


class AvailabilitySerializer(drf.Serializer):
    """What could be promised, without holding it."""

    lines = AvailableLineSerializer(many=True, read_only=True)
    promise_date = drf.DateField(read_only=True, allow_null=True)

    class Meta:
        model = StockLevel
        resource_name = "availability"
        read_scope = Scope.INVENTORY_READ


class BatchInput(OfProduct):
    """Units that are ordered for a location; without an `eta` they are received at once."""

    links = {"product": Link("products", "product_id"), "location": Link("locations", "location")}
    kept = frozenset({"received_quantity", "allocated", "version", "created_at", "updated_at"})
    fixed = frozenset({"status"})
    example = {"sku": "LAPTOP-13", "reference": "PO-1042", "quantity": 40, "eta": "2026-12-01"}

    reference = fields.Text(max_length=255)
    quantity = fields.Integer(min_value=1)
    eta = fields.Day(required=False, allow_null=True)
    location = fields.Text(required=False, max_length=64)


class BatchChanges(StrictSerializer):
    """Another quantity or ETA, or the end of it."""

    kept = frozenset(
        {"received_quantity", "allocated", "version", "created_at", "updated_at"}
        | {"product", "location"}
    )
    fixed = frozenset({"reference"})
    example = {"eta": "2026-12-08"}

    quantity = fields.Integer(required=False, min_value=1)
    eta = fields.Day(required=False, allow_null=True)
    status = fields.Choice(sorted(Batch.Status.values), required=False)


class ReceiptInput(StrictSerializer):
    """How many units have arrived; all that are outstanding when it is not told."""

    example = {"quantity": 12}

    quantity = fields.Integer(required=False, min_value=1)


def lasting() -> fields.Integer:
    """How many seconds a hold lasts from now."""
    return fields.Integer(
        default=int(DEFAULT.total_seconds()),
        min_value=1,
        max_value=int(LONGEST.total_seconds()),
        help_text="Seconds from now.",
    )


def lines(**kwargs: bool) -> fields.Objects:
    """So many units of each of these products, named by id or by SKU."""
    return fields.Objects(
        {
            "product_id": fields.Id(required=False),
            "sku": fields.Text(required=False, max_length=64),
            "quantity": fields.Integer(min_value=1),
        },
        alternatives=(("product_id", "sku"),),
        max_length=MOST_LINES,
        **kwargs,
    )


class ReservationInput(StrictSerializer):
    """A hold of stock for an order: all lines, or none."""

    kept = frozenset({"promise_date", "version", "created_at", "updated_at"})
    fixed = frozenset({"status", "expires_at"})
    example = {
        "order_reference": "ORDER-1042",
        "lines": [{"sku": "LAPTOP-13", "quantity": 2}],
        "expires_in": 900,
    }

    order_reference = fields.Text(max_length=255)
    lines = lines()
    expires_in = lasting()
    allow_incoming = fields.Boolean(
        default=False, help_text="Whether goods on their way may supply it, at their `eta`."
    )


class ExtensionInput(StrictSerializer):
    """How many seconds a hold is to last from now."""

    example = {"expires_in": 1800}

    expires_in = lasting()


class ShipmentInput(StrictSerializer):
    """What is sent off; all that is outstanding when it is not told."""

    example = {"lines": [{"sku": "LAPTOP-13", "quantity": 1}]}

    lines = lines(required=False)


class NoInput(StrictSerializer):
    """Nothing: the address says it all."""


class AvailabilityInput(StrictSerializer):
    """What somebody would like to have."""

    example = {"lines": [{"sku": "LAPTOP-13", "quantity": 2}]}

    lines = lines()
    allow_incoming = fields.Boolean(
        default=True,
        help_text="Whether goods on their way count. It tells by when, so here they do.",
    )
