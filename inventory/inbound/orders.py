"""An order's way as others tell it: placed, paid or not, sent or cancelled.

Messages about one order are applied one at a time, in whatever order they come.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from common.errors import NotFound
from common.inbox.errors import TooEarly
from common.inbox.history import ignore, latest
from inventory import operations
from inventory.errors import NotOnHand, ReservationNotActive
from inventory.inbound.values import named_product, text
from inventory.models import Reservation
from inventory.operations import Wanted
from inventory.operations.reservations import DEFAULT

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from common.inbox.kinds import Message


def order(data: Mapping[str, Any]) -> str:
    """The reference of the order that such data are about."""
    return text(data["order_reference"])


def place(message: Message) -> None:
    """Reserve for the order. Told again, or after its cancellation has been heard: no effect.

    An order that is placed anew after it was cancelled says so by its later time. Refuses as
    ``reserve`` does.
    """
    heard = latest(message, "order.placed", "order.cancelled")
    if heard is not None and heard >= message.time:
        return ignore(message)
    data = message.data
    seconds = data.get("expires_in")
    operations.reserve(
        order_reference=message.subject,
        lines=_lines(data["lines"]),
        expires_in=DEFAULT if seconds is None else timedelta(seconds=seconds),
        allow_incoming=data.get("allow_incoming", False),
    )
    return None


def cancel(message: Message) -> None:
    """Release what the order holds and has not been shipped; nothing where that has ended.

    One that was placed anew since stays. Refuses with ReservationNotActive when it has been
    shipped; too early while nothing is reserved for the order.
    """
    placed = latest(message, "order.placed")
    if placed is not None and placed > message.time:
        return ignore(message)
    operations.release(reservation_id=_reservation(message))
    return None


def settle(message: Message) -> None:
    """Confirm the order's reservation. Again, or shipped since: no effect.

    Refuses with ReservationExpired and ReservationNotActive: somebody has paid for what is not
    held any more. Too early while nothing is reserved for the order.
    """
    operations.confirm(reservation_id=_reservation(message))


def fail_payment(message: Message) -> None:
    """Release a reservation that waits for its payment.

    A confirmed one has been paid: a failure before that is no news, and for one after it refuses
    with ReservationNotActive. Too early while nothing is reserved for the order.
    """
    reservation = Reservation.objects.filter(pk=_reservation(message)).locked().get()
    if reservation.status in {Reservation.Status.CONFIRMED, Reservation.Status.SHIPPED}:
        paid = latest(message, "payment.succeeded")
        if paid is not None and paid >= message.time:
            return ignore(message)
        raise ReservationNotActive(
            f"The reservation is {reservation.status}: cancel the order if it is not paid.",
            status=reservation.status,
        )
    operations.release(reservation_id=reservation.pk)
    return None


def send(message: Message) -> None:
    """Ship these lines, or all that is outstanding; the latter again: no effect.

    Refuses as ``ship`` does. Too early while nothing is reserved for the order, or while units of
    it have not been received.
    """
    lines = message.data.get("lines")
    try:
        operations.ship(
            reservation_id=_reservation(message), lines=_lines(lines) if lines else None
        )
    except NotOnHand as refusal:
        raise TooEarly(refusal) from refusal


def _reservation(message: Message) -> UUID:
    """The open reservation of the order, or the last one that has ended."""
    own = Reservation.objects.filter(order_reference=message.subject)
    found = own.open().first() or own.order_by("-pk").first()
    if found is None:
        raise TooEarly(NotFound(f"Nothing is reserved for the order {message.subject!r}."))
    return found.pk


def _lines(lines: Sequence[Mapping[str, Any]]) -> list[Wanted]:
    return [
        Wanted(line["quantity"], **named_product(line), place=f"lines/{number}")
        for number, line in enumerate(lines)
    ]
