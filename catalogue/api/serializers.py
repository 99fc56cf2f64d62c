"""How a document of the catalogue looks in answers."""

from __future__ import annotations

from rest_framework import serializers as drf
from rest_framework_json_api import serializers

from catalogue.models import Document
from common.access.scopes import Scope


class ShelfSerializer(drf.Serializer):
    """A category on the way from the top of the tree to that of the product."""

    id = drf.UUIDField(read_only=True)
    name = drf.CharField(read_only=True)
    slug = drf.CharField(read_only=True)


class PlaceSerializer(drf.Serializer):
    """Units at one location, by its code."""

    location = drf.CharField(read_only=True)
    on_hand = drf.IntegerField(read_only=True)
    reserved = drf.IntegerField(read_only=True)
    available = drf.IntegerField(read_only=True)
    incoming = drf.IntegerField(read_only=True)
    next_eta = drf.DateField(read_only=True, allow_null=True)


class CatalogueEntrySerializer(serializers.ModelSerializer):
    images = drf.ListField(child=drf.CharField(), read_only=True)
    category_path = ShelfSerializer(many=True, read_only=True)
    locations = PlaceSerializer(many=True, read_only=True, source="places")
    version = drf.IntegerField(read_only=True)
    created_at = drf.DateTimeField(read_only=True)
    updated_at = drf.DateTimeField(read_only=True)

    class Meta:
        model = Document
        resource_name = "catalogue"
        read_scope = Scope.INVENTORY_READ
        fields = [
            "sku",
            "name",
            "description",
            "price",
            "images",
            "barcode",
            "status",
            "category_path",
            "quantity",
            "reserved",
            "available",
            "incoming",
            "next_eta",
            "locations",
            "popularity",
            "version",
            "created_at",
            "updated_at",
        ]
        read_only_fields = fields
