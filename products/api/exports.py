"""The catalogue as a whole, for machines."""

from __future__ import annotations

from rest_framework import serializers as drf

from common.api.exports.views import ExportView
from products.api.views import ProductView


class ProductExport(ExportView, ProductView):
    """All products."""

    joined = {"category_id": drf.UUIDField(allow_null=True)}
