"""Holding stock for an order: all lines, or none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

from common.database import in_transaction, one_round_trip, preparing_cursor, write
from common.errors import Invalid
from common.observability.context import current
from inventory import queries, rules
from inventory.errors import InsufficientStock, OrderReferenceConflict, Shortage
from inventory.models import Reservation, ReservationLine
from inventory.operations.ledger import Ledger
from inventory.operations.lines import Wanted, check_living, summed
from inventory.operations.reservations import (
    DEFAULT,
    check_time,
    expire,
    is_overdue,
    named,
    product_ids,
    tell,
)
from inventory.querysets import OPEN

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from uuid import UUID

ORDERS: Final = 0x6F726465
"""The first half of an advisory lock's number; the second tells the order reference."""
IS_OPEN: Final = """
SELECT EXISTS (
    SELECT FROM inventory_reservation WHERE order_reference = %s AND status = ANY(%s::text[])
)
"""
HELD: Final = """
WITH reservation AS (
    INSERT INTO inventory_reservation (
        id, order_reference, status, allow_incoming, expires_at, actor, request_id, version,
        created_at, updated_at
    ) VALUES (%s, %s, 'active', %s, %s, %s, %s, 1, %s, %s)
), lines AS (
    INSERT INTO inventory_reservationline (id, reservation_id, product_id, quantity, shipped,
        unallocated)
    SELECT line.id, %s, line.product_id, line.quantity, 0, 0
    FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[]) AS line (id, product_id, quantity)
)
INSERT INTO inventory_allocation (id, line_id, stock_level_id, batch_id, quantity)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[])
"""


@in_transaction
def reserve(
    *,
    order_reference: str,
    lines: Sequence[Wanted],
    expires_in: timedelta = DEFAULT,
    allow_incoming: bool = False,
) -> tuple[queries.Held, bool]:
    """Hold stock for an order, all lines or none; returns the hold and whether it is new.

    Lines of the same product are added up. An open reservation with this order reference and the
    same lines is returned as it is. ``expires_in`` is above zero and at most 7 days. Refuses with
    Invalid, NotFound, OrderReferenceConflict and InsufficientStock (naming every short line).

    Locks: the order reference, its open reservation, the levels of all products (docs/locking.md).
    """
    check_time(expires_in)
    if not lines:
        raise Invalid("Send at least one line.", attribute="lines")
    wanted = summed(lines)
    existing = _locked_order(order_reference)
    if existing is not None and not is_overdue(existing):
        return _same(existing, wanted), False
    ledger = Ledger.locked({*wanted, *product_ids(existing)}, with_deleted=True)
    check_living(wanted)
    if existing is not None:
        expire(ledger, [existing])
    try:
        shares = _allocated(ledger, wanted, with_incoming=allow_incoming)
    except InsufficientStock:
        ledger.write()  # what has been let go stays so, should the refusal be kept
        raise
    reservation = Reservation(order_reference=order_reference, allow_incoming=allow_incoming)
    _hold(ledger, reservation, wanted, shares, expires_in)
    ledger.write()
    return _held(ledger, reservation, wanted, shares), True


def _hold(
    ledger: Ledger,
    reservation: Reservation,
    wanted: Mapping[UUID, Wanted],
    shares: Mapping[UUID, list[rules.Share]],
    expires_in: timedelta,
) -> None:
    """Promise every line its shares, write the reservation, and tell of it."""
    cause, until = current(), ledger.moment + expires_in
    reservation.actor, reservation.request_id = cause.actor, cause.request_id
    reservation.created_at = reservation.updated_at = ledger.moment
    reservation.expires_at = until
    lines_made = [
        ReservationLine(reservation=reservation, product_id=pk, quantity=line.quantity)
        for pk, line in wanted.items()
    ]
    for line in lines_made:
        ledger.promises.take(line, shares[line.product_id])
    _insert(reservation, lines_made, ledger.promises.taken())
    ordered = [named(ledger.product(pk), line.quantity) for pk, line in wanted.items()]
    held: dict[str, object] = {"lines": ordered, "expires_at": until.isoformat()}
    tell(ledger, "reservation.created", reservation, held)


def _locked_order(order_reference: str) -> Reservation | None:
    """The open reservation of an order, locked.

    One at a time reserves for an order: the second finds what the first has made, for its look is
    a statement of its own. Most orders have none, so that is found out before any row is read.
    """
    number = crc32(order_reference.encode()) - 2**31
    with preparing_cursor() as lock, preparing_cursor() as look:
        with one_round_trip():
            lock.execute("SELECT pg_advisory_xact_lock(%s, %s)", [ORDERS, number])
            look.execute(IS_OPEN, [order_reference, list(OPEN)])
        (is_open,) = look.fetchone()
    if not is_open:
        return None
    return Reservation.objects.open().filter(order_reference=order_reference).locked().first()


def _same(existing: Reservation, wanted: Mapping[UUID, Wanted]) -> queries.Held:
    """The open reservation of this order, if it is for the same."""
    own = dict(existing.lines.values_list("product_id", "quantity"))
    if own != {pk: line.quantity for pk, line in wanted.items()}:
        raise OrderReferenceConflict(
            "An open reservation has this order reference and other lines.",
            attribute="order_reference",
            status=existing.status,
        )
    return queries.held(existing)


def _allocated(
    ledger: Ledger, wanted: Mapping[UUID, Wanted], *, with_incoming: bool
) -> dict[UUID, list[rules.Share]]:
    """The shares of every line, or a refusal that names each line that is short.

    Holds past their time are let go where a line cannot have all of it from the shelf.
    """

    def shares() -> dict[UUID, list[rules.Share]]:
        return {
            pk: rules.allocate(
                line.quantity, ledger.promises.supplies(pk, with_incoming=with_incoming)
            )
            for pk, line in wanted.items()
        }

    found = shares()
    wanting = [pk for pk, line in wanted.items() if rules.is_wanting(line.quantity, found[pk])]
    if wanting and ledger.promises.free_overdue(wanting):
        found = shares()
    if short := _short(wanted, found):
        raise InsufficientStock([_shortage(wanted[pk], found[pk]) for pk in short])
    return found


def _short(
    wanted: Mapping[UUID, Wanted], found: Mapping[UUID, Sequence[rules.Share]]
) -> list[UUID]:
    return [
        pk
        for pk, line in wanted.items()
        if sum(each.quantity for each in found[pk]) < line.quantity
    ]


def _shortage(line: Wanted, shares: Iterable[rules.Share]) -> Shortage:
    return Shortage(
        requested=line.quantity,
        available=sum(share.quantity for share in shares),
        product_id=str(line.product_id),
        sku=str(line.sku),
        attribute=line.place,
    )


def _insert(
    reservation: Reservation,
    lines: Sequence[ReservationLine],
    allocations: Sequence[tuple[object, ...]],
) -> None:
    """Write the reservation, its lines and their allocations in one statement."""
    write(
        HELD,
        [
            *(reservation.pk, reservation.order_reference, reservation.allow_incoming),
            *(reservation.expires_at, reservation.actor, reservation.request_id),
            *(reservation.created_at, reservation.updated_at, reservation.pk),
            [line.pk for line in lines],
            [line.product_id for line in lines],
            [line.quantity for line in lines],
            *(list(column) for column in zip(*allocations, strict=True)),
        ],
    )


def _held(
    ledger: Ledger,
    reservation: Reservation,
    wanted: Mapping[UUID, Wanted],
    shares: Mapping[UUID, Sequence[rules.Share]],
) -> queries.Held:
    """The new reservation as it is read, without reading it."""
    today = reservation.created_at.date()
    lines = [
        queries.HeldLine(
            product_id=pk,
            sku=str(line.sku),
            quantity=line.quantity,
            allocations=[ledger.shown(pk, share) for share in shares[pk]],
            today=today,
        )
        for pk, line in wanted.items()
    ]
    return queries.Held(reservation, lines)
