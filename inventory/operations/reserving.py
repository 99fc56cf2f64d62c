"""Holding stock for an order: all lines, or none."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from zlib import crc32

from django.db import connection

from common.database import in_transaction
from common.errors import Invalid, NotFound
from common.observability.context import current
from inventory import queries, rules
from inventory.errors import InsufficientStock, OrderReferenceConflict, Shortage
from inventory.models import Reservation, ReservationLine
from inventory.operations.ledger import Ledger
from inventory.operations.lines import Wanted, summed
from inventory.operations.reservations import (
    DEFAULT,
    check_time,
    expire,
    is_overdue,
    named,
    product_ids,
    tell,
)
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

ORDERS: Final = 0x6F726465
"""The first half of an advisory lock's number; the second tells the order reference."""
HELD: Final = """
WITH reservation AS (
    INSERT INTO inventory_reservation (
        id, order_reference, status, allow_incoming, expires_at, actor, request_id, version
    ) VALUES (%s, %s, 'active', %s, clock_timestamp() + %s::interval, %s, %s, 1)
    RETURNING id, created_at, updated_at, expires_at
), lines AS (
    INSERT INTO inventory_reservationline (id, reservation_id, product_id, quantity, shipped,
        unallocated)
    SELECT line.id, %s, line.product_id, line.quantity, 0, 0
    FROM unnest(%s::uuid[], %s::uuid[], %s::bigint[]) AS line (id, product_id, quantity)
), allocations AS (
    INSERT INTO inventory_allocation (id, line_id, stock_level_id, batch_id, quantity)
    SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[])
)
SELECT created_at, updated_at, expires_at FROM reservation
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
    _lock_order(order_reference)
    existing = Reservation.objects.open().filter(order_reference=order_reference).locked().first()
    if existing is not None and not is_overdue(existing):
        return _same(existing, wanted), False
    ledger = Ledger.locked({*wanted, *product_ids(existing)}, with_deleted=True)
    _check_living(wanted)
    if existing is not None:
        expire(ledger, [existing])
    try:
        shares = _allocated(ledger, wanted, with_incoming=allow_incoming)
    except InsufficientStock:
        ledger.write()  # what has been let go stays so, should the refusal be kept
        raise
    reservation = Reservation(
        order_reference=order_reference,
        allow_incoming=allow_incoming,
        actor=current().actor,
        request_id=current().request_id,
    )
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
    lines_made = [
        ReservationLine(reservation=reservation, product_id=pk, quantity=line.quantity)
        for pk, line in wanted.items()
    ]
    for line in lines_made:
        ledger.promises.take(line, shares[line.product_id])
    until = _insert(reservation, lines_made, ledger.promises.taken(), expires_in)
    ordered = [named(ledger.product(pk), line.quantity) for pk, line in wanted.items()]
    held: dict[str, object] = {"lines": ordered, "expires_at": until.isoformat()}
    tell(ledger, "reservation.created", reservation, held)


def _lock_order(order_reference: str) -> None:
    """Let one at a time reserve for an order: the second finds what the first has made."""
    number = crc32(order_reference.encode()) - 2**31
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s, %s)", [ORDERS, number])


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


def _check_living(wanted: Mapping[UUID, Wanted]) -> None:
    """Refuse what has been deleted while we waited for its stock; now it cannot be any more."""
    living = set(Product.objects.living().filter(pk__in=wanted).values_list("pk", flat=True))
    for pk, line in wanted.items():
        if pk not in living:
            raise NotFound("There is no such product.", attribute=line.place)


def _insert(
    reservation: Reservation,
    lines: Sequence[ReservationLine],
    allocations: Sequence[tuple[object, ...]],
    expires_in: timedelta,
) -> datetime:
    """Write the reservation, its lines and their allocations in one statement.

    Returns when it expires.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            HELD,
            [
                *(reservation.pk, reservation.order_reference, reservation.allow_incoming),
                f"{expires_in.total_seconds()} s",
                *(reservation.actor, reservation.request_id, reservation.pk),
                [line.pk for line in lines],
                [line.product_id for line in lines],
                [line.quantity for line in lines],
                *(list(column) for column in zip(*allocations, strict=True)),
            ],
        )
        moments: tuple[datetime, datetime, datetime] = cursor.fetchone()
    reservation.created_at, reservation.updated_at, reservation.expires_at = moments
    return moments[2]


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
