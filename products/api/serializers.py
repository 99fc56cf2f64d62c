"""How products and categories look in answers, and what a client may send."""

from __future__ import annotations

from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.api import fields
from common.api.relations import ToOne, ToOneWhenIncluded
from common.api.serializers import Link, StrictSerializer
from products import rules
from products.models import Category, Product


class CategorySerializer(serializers.ModelSerializer):
    parent = ToOne("categories", allow_null=True)
    included_serializers = {"parent": "products.api.serializers.CategorySerializer"}

    class Meta:
        model = Category
        resource_name = "categories"
        fields = ["name", "slug", "version", "created_at", "updated_at", "parent"]


class ProductSerializer(serializers.ModelSerializer):
    inventory = ToOneWhenIncluded("inventory")
    category = ToOne("categories", allow_null=True)
    included_serializers = {
        "inventory": "inventory.api.serializers.InventorySerializer",
        "category": CategorySerializer,
    }

    class Meta:
        model = Product
        resource_name = "products"
        fields = [
            "sku",
            "name",
            "description",
            "price",
            "images",
            "barcode",
            "status",
            "created_at",
            "updated_at",
            "version",
            "inventory",
            "category",
        ]


class ProductInput(StrictSerializer):
    """What a new product needs, and what it may have. A category goes by its id."""

    links = {"category": Link("categories", "category_id")}
    aliases = {"category": "category_id"}
    kept = frozenset({"created_at", "updated_at", "version", "inventory"})

    sku = fields.Text(rules.sku, required=False, allow_null=True, max_length=64)
    name = fields.Text(max_length=255)
    description = fields.Text()
    price = fields.Money(max_value=rules.MAX_PRICE)
    images = drf.ListField(
        child=fields.Text(rules.image), required=False, max_length=rules.MAX_IMAGES
    )
    barcode = fields.Text(rules.barcode, required=False, allow_null=True)
    status = fields.Choice(Product.Status.values, required=False)
    category_id = fields.Id(required=False, allow_null=True)


class ProductChanges(ProductInput):
    """What may be changed of a product: any of it, a SKU by another one only."""

    sku = fields.Text(rules.sku, required=False, max_length=64)


class CategoryInput(StrictSerializer):
    """What a new category needs, and what it may have."""

    links = {"parent": Link("categories", "parent_id")}
    aliases = {"parent": "parent_id"}
    kept = frozenset({"created_at", "updated_at", "version"})

    name = fields.Text(max_length=255)
    slug = fields.Text(max_length=255, required=False, allow_null=True)
    parent_id = fields.Id(required=False, allow_null=True)


class CategoryChanges(CategoryInput):
    """What may be changed of a category."""

    slug = fields.Text(max_length=255, required=False)
