"""Where the catalogue lets the inventory speak of stock, without knowing it.

The inventory registers itself in ``AppConfig.ready()``; the catalogue works without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from uuid import UUID

    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from products.models import Product


def _no_inventories(_products: Collection[Product]) -> Mapping[UUID, Any]:
    return {}


inventories_of: Callable[[Collection[Product]], Mapping[UUID, Any]] = _no_inventories
"""The inventory of each of these products that has one, by product id, in one query."""

deletion_guards: list[Callable[[Product], None]] = []
"""Each is called with a locked product that is to be deleted, and refuses by raising."""

admin_columns: list[Callable[[Any], SafeString]] = []
"""Columns of the list of products in the admin; each product has its ``inventory``, or None."""

admin_panels: list[Callable[[HttpRequest, Product], SafeString]] = []
"""What stands at the top of a product's page in the admin."""

admin_inlines: list[type] = []
"""Tables shown on a product's page in the admin."""

admin_filters: list[type] = []
"""Filters of the list of products in the admin."""
