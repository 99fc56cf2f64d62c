"""The kinds of facts that other systems are told of; docs/events has a schema for each."""

from __future__ import annotations

from typing import Final

TYPES: Final = (
    "product.created",
    "product.updated",
    "product.deleted",
    "stock.changed",
    "stock.low",
    "stock.out",
    "stock.back",
    "reservation.created",
    "reservation.confirmed",
    "reservation.extended",
    "reservation.shipped",
    "reservation.released",
    "reservation.expired",
    "batch.created",
    "batch.changed",
    "batch.received",
    "allocation.changed",
    "endpoint.disabled",
    "endpoint.test",
    "ledger.differed",
)
"""Names never change or go; new ones may come, so consumers ignore what they do not know."""
