"""Values of messages, as the API would take them."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any
from uuid import UUID

if TYPE_CHECKING:
    from collections.abc import Mapping


def text(value: str) -> str:
    """NFC-normalised and trimmed: so an order has one name, whichever way it is told."""
    return unicodedata.normalize("NFC", value).strip()


def named_product(data: Mapping[str, Any]) -> dict[str, Any]:
    """How an operation wants a product to be named: by id, by SKU, or by both."""
    given = data.get("product_id")
    return {"product_id": UUID(given) if given else None, "sku": data.get("sku")}
