"""How products and categories look in answers, and what a client may send."""

from __future__ import annotations

from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from common.access.scopes import Scope
from common.api import fields
from common.api.relations import ToOne, ToOneWhenIncluded
from common.api.serializers import Link, StrictSerializer
from products import rules
from products.models import Category, Product

SKU = {"pattern": r"^[A-Za-z0-9\-_./]{1,64}$", "description": "Kept in upper case."}
IMAGE = {
    "format": "iri",
    "pattern": r"^[Hh][Tt][Tt][Pp][Ss]?://[^\s/?#@]+([/?#]\S*)?$",
    "maxLength": rules.MAX_IMAGE_LENGTH,
}
BARCODE = {
    "format": "gtin",
    "pattern": "^([0-9]{8}|[0-9]{12,14})$",
    "description": "GTIN-8, -12, -13 or -14; the last digit is the check digit.",
}
SLUG = {"format": "slug", "description": "Made of its ASCII letters and digits, and hyphens."}


class CategorySerializer(serializers.ModelSerializer):
    parent = ToOne("categories", allow_null=True)
    included_serializers = {"parent": "products.api.serializers.CategorySerializer"}

    class Meta:
        model = Category
        resource_name = "categories"
        read_scope = Scope.PRODUCTS_READ
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
        read_scope = Scope.PRODUCTS_READ
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

    example = {
        "sku": "LAPTOP-13",
        "name": "Laptop",
        "description": "13 inch, 16 GB",
        "price": "1299.99",
        "images": ["https://example.com/laptop.jpg"],
        "barcode": "4006381333931",
    }

    sku = fields.Text(rules.sku, required=False, allow_null=True, max_length=64, documented=SKU)
    name = fields.Text(max_length=255)
    description = fields.Text()
    price = fields.Money(max_value=rules.MAX_PRICE)
    images = drf.ListField(
        child=fields.Text(rules.image, documented=IMAGE),
        required=False,
        max_length=rules.MAX_IMAGES,
    )
    barcode = fields.Text(rules.barcode, required=False, allow_null=True, documented=BARCODE)
    status = fields.Choice(Product.Status.values, required=False)
    category_id = fields.Id(required=False, allow_null=True)


class ProductChanges(ProductInput):
    """What may be changed of a product: any of it, a SKU by another one only."""

    example = {"price": "1199.00"}

    sku = fields.Text(rules.sku, required=False, max_length=64, documented=SKU)


class CategoryInput(StrictSerializer):
    """What a new category needs, and what it may have."""

    links = {"parent": Link("categories", "parent_id")}
    aliases = {"parent": "parent_id"}
    kept = frozenset({"created_at", "updated_at", "version"})

    example = {"name": "Computers", "slug": "computers"}

    name = fields.Text(max_length=255)
    slug = fields.Text(max_length=255, required=False, allow_null=True, documented=SLUG)
    parent_id = fields.Id(required=False, allow_null=True)


class CategoryChanges(CategoryInput):
    """What may be changed of a category."""

    example = {"name": "Computers and tablets"}

    slug = fields.Text(max_length=255, required=False, documented=SLUG)
