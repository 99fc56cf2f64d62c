"""Holding stock for an order: all lines or none, until it is shipped, let go, or too late."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db.models import F

from common.database import database_now, in_transaction
from common.errors import Invalid, NotFound, VersionMismatch
from common.events.recording import Fact
from inventory import queries
from inventory.errors import ReservationExpired, ReservationNotActive
from inventory.models import Allocation, Reservation, ReservationLine
from inventory.operations.ledger import Ledger
from inventory.operations.shipping import packed, send
from inventory.querysets import is_held
from products.errors import ProductReserved
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID

    from inventory.operations.lines import Wanted

LONGEST: Final = timedelta(days=7)
DEFAULT: Final = timedelta(minutes=15)
NAMED: Final = 20
"""Orders that a refusal names."""


@in_transaction
def confirm(*, reservation_id: UUID, expected_version: int | None = None) -> queries.Held:
    """The order is certain: its hold does not expire any more. Again: no effect.

    Refuses with NotFound, VersionMismatch, ReservationExpired and ReservationNotActive.

    Locks: the reservation, the levels of its products (docs/locking.md).
    """
    reservation = _locked(reservation_id)
    _check_version(reservation, expected_version)
    if reservation.status in {Reservation.Status.CONFIRMED, Reservation.Status.SHIPPED}:
        return queries.held(reservation)
    ledger = Ledger.locked(product_ids(reservation))
    _check_active(reservation)
    reservation.status, reservation.expires_at = Reservation.Status.CONFIRMED, None
    _save(reservation)
    tell(ledger, "reservation.confirmed", reservation, {})
    ledger.write()
    return queries.held(reservation)


@in_transaction
def extend(
    *, reservation_id: UUID, expires_in: timedelta = DEFAULT, expected_version: int | None = None
) -> queries.Held:
    """Let a hold last for ``expires_in`` from now, at most 7 days.

    Refuses with Invalid, NotFound, VersionMismatch, ReservationExpired and ReservationNotActive.

    Locks: the reservation, the levels of its products (docs/locking.md).
    """
    check_time(expires_in)
    reservation = _locked(reservation_id)
    _check_version(reservation, expected_version)
    ledger = Ledger.locked(product_ids(reservation))
    now = _check_active(reservation)
    reservation.expires_at = until = now + expires_in
    _save(reservation)
    tell(ledger, "reservation.extended", reservation, {"expires_at": until.isoformat()})
    ledger.write()
    return queries.held(reservation)


@in_transaction
def release(*, reservation_id: UUID, expected_version: int | None = None) -> queries.Held:
    """Let go of what a reservation holds and has not shipped. Again, or expired: no effect.

    One that is past its time ends as expired, whoever comes first. Refuses with NotFound and
    VersionMismatch, and with ReservationNotActive when it has been shipped.

    Locks: the reservation, the levels of its products (docs/locking.md).
    """
    reservation = _locked(reservation_id)
    _check_version(reservation, expected_version)
    if reservation.status in {Reservation.Status.RELEASED, Reservation.Status.EXPIRED}:
        return queries.held(reservation)
    if reservation.status == Reservation.Status.SHIPPED:
        raise ReservationNotActive("It has been shipped already.", status=reservation.status)
    ledger = Ledger.locked(product_ids(reservation), with_deleted=True)
    if is_overdue(reservation):
        expire(ledger, [reservation])
    else:
        end(ledger, [reservation], Reservation.Status.RELEASED, "reservation.released")
    ledger.write()
    return queries.held(reservation)


@in_transaction
def ship(
    *,
    reservation_id: UUID,
    lines: Sequence[Wanted] | None = None,
    expected_version: int | None = None,
) -> queries.Held:
    """Send units of a reservation off: all that are outstanding, or so many of these products.

    On hand and reserved fall together, by one movement for each stock level. It stays confirmed
    until all is shipped; then, again without lines: no effect. Refuses with NotFound,
    VersionMismatch, ReservationExpired, ReservationNotActive, ExceedsOrdered and NotOnHand, the
    last two and unknown products for every line at once.

    Locks: the reservation, the levels of its products (docs/locking.md).
    """
    reservation = _locked(reservation_id)
    _check_version(reservation, expected_version)
    if reservation.status == Reservation.Status.SHIPPED and lines is None:
        return queries.held(reservation)
    ledger = Ledger.locked(product_ids(reservation))
    if reservation.status != Reservation.Status.CONFIRMED:
        _check_active(reservation)
    own = list(reservation.lines.order_by("pk"))
    parcels = packed(ledger, own, lines)
    for parcel in parcels:
        send(ledger, parcel, reservation.order_reference)
    is_complete = all(line.shipped == line.quantity for line in own)
    status = Reservation.Status.SHIPPED if is_complete else Reservation.Status.CONFIRMED
    reservation.status, reservation.expires_at = status, None
    _save(reservation)
    ReservationLine.objects.bulk_update(own, ["shipped"])
    shipped = [named(ledger.product(one.line.product_id), one.quantity) for one in parcels]
    data = {"lines": shipped, "is_complete": is_complete}
    tell(ledger, "reservation.shipped", reservation, data)
    ledger.write()
    return queries.held(reservation)


@in_transaction
def expire_reservations(*, limit: int) -> int:
    """End at most ``limit`` holds that are past their time, the oldest first; how many it were.

    Those that somebody else holds are skipped: whoever that is sees to them.

    Locks: those reservations, the levels of their products (docs/locking.md).
    """
    overdue = Reservation.objects.overdue().order_by("expires_at", "pk")
    rows = overdue.select_for_update(skip_locked=True, no_key=True, of=("self",))
    ended = list(rows.defer("actor", "request_id", "created_at", "updated_at")[:limit])
    if ended:
        ledger = Ledger.locked(product_ids(*ended), with_deleted=True)
        expire(ledger, ended)
        ledger.write()
    return len(ended)


def refuse_if_reserved(product: Product) -> None:
    """A guard: a product that open reservations hold is not deleted, unless they are overdue.

    Holds its stock levels from here on, so that nobody reserves it meanwhile.
    """
    Ledger.locked([product.pk])
    lines = ReservationLine.objects.filter(
        is_held("reservation__"), product=product, shipped__lt=F("quantity")
    )
    if orders := list(lines.values_list("reservation__order_reference", flat=True)[:NAMED]):
        raise ProductReserved(
            f"Open reservations promise it ({', '.join(orders)}): release or ship those first.",
            orders=orders,
        )


def check_time(expires_in: timedelta) -> None:
    if not timedelta(0) < expires_in <= LONGEST:
        raise Invalid("A hold lasts at most 7 days.", attribute="expires_in")


def product_ids(*reservations: Reservation | None) -> set[UUID]:
    """The products of their lines, which never change."""
    named = [reservation for reservation in reservations if reservation is not None]
    if not named:
        return set()
    lines = ReservationLine.objects.filter(reservation__in=named)
    return set(lines.values_list("product_id", flat=True))


def _locked(reservation_id: UUID) -> Reservation:
    reservation = Reservation.objects.filter(pk=reservation_id).locked().first()
    if reservation is None:
        raise NotFound("There is no such reservation.")
    return reservation


def _check_version(reservation: Reservation, expected: int | None) -> None:
    if expected is not None and reservation.version != expected:
        raise VersionMismatch("The reservation has changed since; fetch it and decide again.")


def is_overdue(reservation: Reservation) -> bool:
    """By the database's clock, now."""
    return (
        reservation.status == Reservation.Status.ACTIVE
        and reservation.expires_at is not None
        and reservation.expires_at <= database_now()
    )


def _check_active(reservation: Reservation) -> datetime:
    """Refuse one that has ended, or is past its time; the database's clock."""
    now = database_now()
    if reservation.status == Reservation.Status.EXPIRED or (
        reservation.status == Reservation.Status.ACTIVE
        and reservation.expires_at is not None
        and reservation.expires_at <= now
    ):
        raise ReservationExpired(
            "The hold has expired; reserve again.", status=Reservation.Status.EXPIRED
        )
    if reservation.status != Reservation.Status.ACTIVE:
        raise ReservationNotActive(
            f"The reservation is {reservation.status} already.", status=reservation.status
        )
    return now


def _save(reservation: Reservation) -> None:
    reservation.version += 1
    reservation.updated_at = database_now()
    reservation.save(update_fields=["status", "expires_at", "version", "updated_at"])


def expire(ledger: Ledger, reservations: Collection[Reservation]) -> None:
    end(ledger, reservations, Reservation.Status.EXPIRED, "reservation.expired")


def end(
    ledger: Ledger, reservations: Collection[Reservation], status: Reservation.Status, what: str
) -> None:
    """Let go of all that they hold."""
    held = Allocation.objects.filter(line__reservation__in=reservations).select_related("line")
    ledger.promises.free({allocation: allocation.quantity for allocation in held.order_by("pk")})
    now = database_now()
    for reservation in reservations:
        reservation.status, reservation.updated_at = status, now
        reservation.version += 1
        tell(ledger, what, reservation, {})
    rows = Reservation.objects.filter(pk__in=[reservation.pk for reservation in reservations])
    rows.update(status=status, version=F("version") + 1, updated_at=now)
    ReservationLine.objects.filter(reservation__in=reservations, unallocated__gt=0).update(
        unallocated=0
    )


def tell(ledger: Ledger, what: str, reservation: Reservation, data: dict[str, object]) -> None:
    about = {"order_reference": reservation.order_reference, **data}
    ledger.promises.facts.append(Fact(what, "reservations", reservation.pk, about))


def named(product: Product, quantity: int) -> dict[str, object]:
    """A line as events tell it."""
    return {"product_id": str(product.pk), "sku": product.sku, "quantity": quantity}
