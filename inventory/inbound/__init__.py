"""What other systems tell us of orders, payments, shipments and batches (docs/messages.md)."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from common.inbox.kinds import Kind
from inventory.inbound import batches, orders

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from common.inbox.kinds import Message

SCHEMAS: Final = Path(__file__).parent / "v1"


def _kind(
    name: str, subject: Callable[[Mapping[str, Any]], str], apply: Callable[[Message], object]
) -> Kind:
    return Kind(SCHEMAS / f"{name}.json", subject, apply)


KINDS: Final = {
    "order.placed": _kind("order.placed", orders.order, orders.place),
    "order.cancelled": _kind("order.cancelled", orders.order, orders.cancel),
    "payment.succeeded": _kind("payment.succeeded", orders.order, orders.settle),
    "payment.failed": _kind("payment.failed", orders.order, orders.fail_payment),
    "shipment.sent": _kind("shipment.sent", orders.order, orders.send),
    "batch.announced": _kind("batch.announced", batches.reference, batches.announce),
    "batch.quantity_changed": _kind(
        "batch.quantity_changed", batches.reference, batches.change_quantity
    ),
}
"""Names never change or go. What a publisher would have to send otherwise is a new type."""
