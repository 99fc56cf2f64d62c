"""How the explanation of a product's figures looks in answers."""

from __future__ import annotations

from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.access.scopes import Scope
from inventory.models import Reservation, StockLevel
from inventory.queries.explaining import ORDER


class ReasonSumSerializer(drf.Serializer):
    """All movements for one reason; the `opening` is what the first one brought."""

    reason = drf.ChoiceField(ORDER, read_only=True)
    units = drf.IntegerField(read_only=True)
    movements = drf.IntegerField(read_only=True)


class ExplainedHoldSerializer(drf.Serializer):
    """Units on a shelf that a reservation holds."""

    reservation_id = drf.UUIDField(read_only=True)
    order_reference = drf.CharField(read_only=True)
    status = drf.ChoiceField(Reservation.Status.choices, read_only=True)
    expires_at = drf.DateTimeField(read_only=True, allow_null=True)
    is_overdue = drf.BooleanField(read_only=True)
    location = drf.CharField(read_only=True)
    quantity = drf.IntegerField(read_only=True)


class ExplainedSupplySerializer(drf.Serializer):
    """A batch on its way."""

    batch_id = drf.UUIDField(read_only=True)
    reference = drf.CharField(read_only=True)
    location = drf.CharField(read_only=True)
    outstanding = drf.IntegerField(read_only=True)
    allocated = drf.IntegerField(read_only=True)
    eta = drf.DateField(read_only=True)


class OthersSerializer(drf.Serializer):
    """Those that are not named: how many, and their units."""

    count = drf.IntegerField(read_only=True)
    quantity = drf.IntegerField(read_only=True)


class ExplainedLevelSerializer(drf.Serializer):
    """One location; its figures beside what was on hand are null for the past."""

    stock_level_id = drf.UUIDField(read_only=True)
    location = drf.CharField(read_only=True)
    quantity = drf.IntegerField(read_only=True, source="on_hand")
    sums = ReasonSumSerializer(many=True, read_only=True)
    reserved = drf.IntegerField(read_only=True, allow_null=True)
    overdue = drf.IntegerField(read_only=True, allow_null=True)
    available = drf.IntegerField(read_only=True, allow_null=True)
    incoming = drf.IntegerField(read_only=True, allow_null=True)


class ExplanationSerializer(serializers.Serializer):
    """The sums behind a product's figures."""

    product_id = drf.UUIDField(read_only=True, source="pk")
    sku = drf.CharField(read_only=True, source="product.sku")
    as_of = drf.DateTimeField(read_only=True, allow_null=True)
    quantity = drf.IntegerField(read_only=True, source="on_hand")
    sums = ReasonSumSerializer(many=True, read_only=True)
    reserved = drf.IntegerField(read_only=True, allow_null=True)
    overdue = drf.IntegerField(read_only=True, allow_null=True)
    holds = ExplainedHoldSerializer(many=True, read_only=True)
    other_holds = OthersSerializer(read_only=True)
    available = drf.IntegerField(read_only=True, allow_null=True)
    incoming = drf.IntegerField(read_only=True, allow_null=True)
    batches = ExplainedSupplySerializer(many=True, read_only=True)
    other_batches = OthersSerializer(read_only=True)
    levels = ExplainedLevelSerializer(many=True, read_only=True)

    class Meta:
        model = StockLevel
        resource_name = "inventory-explanations"
        read_scope = Scope.INVENTORY_READ
