"""How stock looks in answers, and what a client may send."""

from __future__ import annotations

from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.access.scopes import Scope
from common.api import fields
from common.api.fields import MAX_QUANTITY
from common.api.relations import ToOne, to_many
from common.api.serializers import Link, StrictSerializer
from inventory import rules
from inventory.models import Location, StockLevel, StockMovement, Transfer

CODE = {"pattern": "^[A-Za-z0-9_.-]{1,64}$", "description": "Kept in lower case; not a UUID."}
CLIENT_REASONS = sorted(rules.NEGATIVE_REASONS | rules.POSITIVE_REASONS)
PRODUCT = "products.api.serializers.ProductSerializer"


class LocationSerializer(serializers.ModelSerializer):
    class Meta:
        model = Location
        resource_name = "locations"
        read_scope = Scope.INVENTORY_READ
        fields = [
            "code", "name", "priority", "is_active", "version", "created_at", "updated_at",
        ]  # fmt: skip


class StockLevelSerializer(serializers.ModelSerializer):
    incoming = drf.IntegerField(read_only=True)
    product = ToOne("products")
    location = ToOne("locations")
    included_serializers = {"product": PRODUCT, "location": LocationSerializer}

    class Meta:
        model = StockLevel
        resource_name = "stock-levels"
        read_scope = Scope.INVENTORY_READ
        fields = [
            "on_hand",
            "reserved",
            "available",
            "incoming",
            "reorder_point",
            "reorder_quantity",
            "safety_stock",
            "version",
            "updated_at",
            "product",
            "location",
        ]


class InventorySerializer(serializers.Serializer):
    """One product's stock, computed from its stock levels."""

    product_id = drf.UUIDField(read_only=True)
    quantity = drf.IntegerField(read_only=True)
    reserved = drf.IntegerField(read_only=True)
    available = drf.IntegerField(read_only=True)
    incoming = drf.IntegerField(read_only=True)
    next_eta = drf.DateField(read_only=True, allow_null=True)
    last_updated = drf.DateTimeField(read_only=True)
    version = drf.IntegerField(read_only=True)
    product = ToOne("products")
    stock_levels = to_many("stock-levels")
    included_serializers = {"product": PRODUCT, "stock_levels": StockLevelSerializer}

    class Meta:
        model = StockLevel
        resource_name = "inventory"
        read_scope = Scope.INVENTORY_READ


class StockMovementSerializer(serializers.ModelSerializer):
    product = ToOne("products")
    location = ToOne("locations")
    stock_level = ToOne("stock-levels")
    included_serializers = {
        "product": PRODUCT,
        "location": LocationSerializer,
        "stock_level": StockLevelSerializer,
    }

    class Meta:
        model = StockMovement
        resource_name = "stock-movements"
        read_scope = Scope.INVENTORY_READ
        fields = [
            "delta",
            "on_hand_after",
            "sequence",
            "reason",
            "reference",
            "note",
            "actor",
            "request_id",
            "created_at",
            "product",
            "location",
            "stock_level",
        ]


class TransferSerializer(serializers.ModelSerializer):
    product = ToOne("products")
    from_location = ToOne("locations")
    to_location = ToOne("locations")
    movements = to_many("stock-movements")
    included_serializers = {
        "product": PRODUCT,
        "from_location": LocationSerializer,
        "to_location": LocationSerializer,
        "movements": StockMovementSerializer,
    }

    class Meta:
        model = Transfer
        resource_name = "transfers"
        read_scope = Scope.INVENTORY_READ
        fields = [
            "quantity",
            "reference",
            "note",
            "actor",
            "request_id",
            "created_at",
            "product",
            "from_location",
            "to_location",
            "movements",
        ]


class OfProduct(StrictSerializer):
    """Input that names a product: by id, or by its SKU."""

    alternatives = {("product_id", "sku"): "Name a product."}

    product_id = fields.Id(required=False)
    sku = fields.Text(required=False, max_length=64)


class InventoryInput(OfProduct):
    """The first stock of a product at a location."""

    links = {"product": Link("products", "product_id"), "location": Link("locations", "location")}
    kept = frozenset(
        {"reserved", "available", "incoming", "next_eta", "last_updated", "version", "stock_levels"}
    )
    example = {"sku": "LAPTOP-13", "quantity": 40, "location": "main"}

    quantity = fields.Integer(required=False, min_value=0)
    location = fields.Text(required=False, max_length=64)


class InventoryChange(StrictSerializer):
    """A delta, or a count with the quantity that was seen."""

    links = {"location": Link("locations", "location")}
    kept = InventoryInput.kept | {"product"}
    fixed = frozenset({"product_id"})
    alternatives = {
        ("quantity_delta", "quantity"): (
            "Send a quantity_delta, or a quantity with the expected_quantity."
        )
    }
    example = {"quantity_delta": -5, "reason": "sale", "reference": "ORDER-1042"}

    quantity = fields.Integer(required=False, min_value=0)
    expected_quantity = fields.Integer(required=False, min_value=0)
    quantity_delta = fields.Integer(required=False)
    reason = fields.Choice(CLIENT_REASONS, required=False)
    reference = fields.Text(required=False, allow_blank=True, max_length=255)
    note = fields.Text(required=False, allow_blank=True, max_length=1000)
    location = fields.Text(required=False, max_length=64)
    release_latest = fields.Boolean(required=False)

    def validate_quantity_delta(self, value: int) -> int:
        if value == 0:
            raise drf.ValidationError("A delta of zero changes nothing.", "invalid")
        return value


class LocationInput(StrictSerializer):
    """A place that holds stock."""

    kept = frozenset({"version", "created_at", "updated_at"})
    example = {"code": "annex", "name": "Annex", "priority": 200}

    code = fields.Text(max_length=64, trim_whitespace=False, documented=CODE)
    name = fields.Text(max_length=255)
    priority = fields.Integer(required=False, min_value=-(2**31), max_value=2**31 - 1)
    is_active = fields.Boolean(required=False)


class ReorderSettings(StrictSerializer):
    """When a stock level counts as low. Figures are not set here."""

    kept = frozenset(
        {"on_hand", "reserved", "available", "incoming", "version", "updated_at"}
        | {"product", "location"}
    )
    example = {"reorder_point": 10, "reorder_quantity": 25}

    reorder_point = fields.Integer(
        required=False, allow_null=True, min_value=0, max_value=MAX_QUANTITY
    )
    reorder_quantity = fields.Integer(
        required=False, allow_null=True, min_value=1, max_value=MAX_QUANTITY
    )
    safety_stock = fields.Integer(required=False, min_value=0, max_value=MAX_QUANTITY)


class TransferInput(OfProduct):
    """Units of one product to be moved from one location to another."""

    links = {
        "product": Link("products", "product_id"),
        "from_location": Link("locations", "from_location"),
        "to_location": Link("locations", "to_location"),
    }
    kept = frozenset({"actor", "request_id", "created_at", "movements"})
    example = {
        "sku": "LAPTOP-13",
        "from_location": "main",
        "to_location": "annex",
        "quantity": 12,
        "reference": "MOVE-7",
    }

    from_location = fields.Text(max_length=64)
    to_location = fields.Text(max_length=64)
    quantity = fields.Integer(min_value=1)
    reference = fields.Text(required=False, allow_blank=True, max_length=255)
    note = fields.Text(required=False, allow_blank=True, max_length=1000)


class ReversalInput(StrictSerializer):
    """Why something is taken back."""

    example = {"note": "Booked on the wrong product"}

    note = fields.Text(required=False, allow_blank=True, max_length=1000)
