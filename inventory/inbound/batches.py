"""Supply on its way, as others tell it."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any

from common.errors import Duplicate, NotFound
from common.inbox.errors import TooEarly
from common.inbox.history import ignore, latest
from inventory import operations
from inventory.inbound.values import named_product, text
from inventory.models import Batch, Location

if TYPE_CHECKING:
    from collections.abc import Mapping

    from common.inbox.kinds import Message


def reference(data: Mapping[str, Any]) -> str:
    """The reference of the batch that such data are about."""
    return text(data["reference"])


def announce(message: Message) -> None:
    """Order the batch. Announced again as it stands, or before what has been heard: no effect.

    Refuses as ``create_batch`` does, so with Duplicate where the batch has other figures or goes
    elsewhere.
    """
    heard = latest(message, "batch.announced", "batch.quantity_changed")
    if heard is not None and heard >= message.time:
        return ignore(message)
    data = message.data
    quantity, eta = data["quantity"], date.fromisoformat(data["eta"])
    existing = _batch(message)
    if existing is not None:
        return _compare(existing, message, quantity, eta)
    operations.create_batch(
        reference=message.subject,
        quantity=quantity,
        location=text(data["location"]) if "location" in data else None,
        eta=eta,
        **named_product(data),
    )
    return None


def change_quantity(message: Message) -> None:
    """Let the batch have another quantity, unless a later word on it has been heard.

    Refuses as ``change_batch`` does. Too early while there is no such batch.
    """
    heard = latest(message, "batch.quantity_changed")
    if heard is not None and heard > message.time:
        return ignore(message)
    batch = _batch(message)
    if batch is None:
        raise TooEarly(NotFound(f"There is no batch {message.subject!r}."))
    operations.change_batch(batch_id=batch.pk, changes={"quantity": message.data["quantity"]})
    return None


def _batch(message: Message) -> Batch | None:
    return Batch.objects.filter(reference=message.subject).select_related("product").first()


def _compare(batch: Batch, message: Message, quantity: int, eta: date) -> None:
    """Refuse with Duplicate, unless the batch is what is announced."""
    product = named_product(message.data)
    is_same_product = product["product_id"] in {None, batch.product_id} and (
        product["sku"] is None or product["sku"].upper() == batch.product.sku
    )
    is_same = is_same_product and _goes_there(batch, message)
    if not is_same or (batch.quantity, batch.eta) != (quantity, eta):
        raise Duplicate(
            f"There is a batch {batch.reference!r} of another product, quantity, ETA or location.",
            attribute="reference",
        )
    ignore(message)


def _goes_there(batch: Batch, message: Message) -> bool:
    """Whether it goes to the location that is announced, if one is."""
    if "location" not in message.data:
        return True
    location = Location.objects.named(text(message.data["location"]))
    return location is not None and location.pk == batch.location_id
