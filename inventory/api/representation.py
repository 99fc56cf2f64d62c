"""The default representation of an inventory, without serializers.

An answer to a stock change may be rendered under the lock of a hot row (RULES I7b), so it is put
together here from what the operation holds. A test keeps it equal to the serializer's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rest_framework.fields import DateTimeField

from common.api import links

if TYPE_CHECKING:
    from inventory.queries import Inventory

instants = DateTimeField()


def document(inventory: Inventory, origin: str) -> dict[str, Any]:
    """The document of GET /inventory/{product_id}."""
    url = links.resource_url(origin, "inventory", inventory.pk)
    attributes: dict[str, Any] = {
        "product_id": str(inventory.pk),
        "quantity": inventory.quantity,
        "reserved": inventory.reserved,
        "available": inventory.available,
        "incoming": inventory.incoming,
        "next_eta": str(inventory.next_eta) if inventory.next_eta else None,
        "last_updated": instants.to_representation(inventory.last_updated),
        "version": inventory.version,
    }
    relationships = {
        "product": {
            "links": links.relationship_links(url, "product"),
            "data": {"type": "products", "id": str(inventory.pk)},
        },
        "stock_levels": {
            "links": links.relationship_links(url, "stock_levels"),
            "data": [
                {"type": "stock-levels", "id": str(level.pk)} for level in inventory.stock_levels
            ],
        },
    }
    return {
        "links": {"self": url},
        "data": {
            "type": "inventory",
            "id": str(inventory.pk),
            "attributes": attributes,
            "relationships": relationships,
            "links": {"self": url},
        },
    }
