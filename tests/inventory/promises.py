"""What must be true of promised stock after every operation, read anew from the tables."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any

from common.database import database_now
from inventory.models import Allocation, Batch, Reservation, ReservationLine, StockLevel

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

OPEN = {"active", "confirmed"}


def what_is_wrong() -> list[str]:
    """Every promise about held stock that the tables break; none, as it should be."""
    allocations = list(Allocation.objects.all())
    levels = list(StockLevel.objects.select_related("location"))
    batches = list(Batch.objects.select_related("location"))
    lines = list(ReservationLine.objects.select_related("reservation"))
    return [
        *_supplies(allocations, levels, batches),
        *_incoming(levels, batches),
        *_lines(allocations, lines),
        *_waiting(lines, levels, batches),
        *_ledgers(levels),
    ]


def _supplies(allocations: Any, levels: Any, batches: Any) -> Iterator[str]:
    promised: Counter[UUID] = Counter()
    for one in allocations:
        promised[one.stock_level_id or one.batch_id] += one.quantity
    for level in levels:
        if level.reserved != promised[level.pk]:
            yield f"{level}: {level.reserved} reserved, {promised[level.pk]} allocated"
    for batch in batches:
        if batch.allocated != promised[batch.pk]:
            yield f"{batch}: {batch.allocated} counted, {promised[batch.pk]} allocated"
        if batch.allocated > batch.outstanding:
            yield f"{batch}: {batch.allocated} of {batch.outstanding} allocated"


def _incoming(levels: Any, batches: Any) -> Iterator[str]:
    coming = defaultdict(list)
    for batch in batches:
        if batch.outstanding:
            coming[batch.product_id, batch.location_id].append(batch)
    for level in levels:
        own = coming.pop((level.product_id, level.location_id), [])
        expected = sum(batch.outstanding for batch in own)
        eta = min((batch.eta for batch in own), default=None)
        if (level.incoming, level.next_eta) != (expected, eta):
            yield f"{level}: {level.incoming} from {level.next_eta}, not {expected} from {eta}"
    if coming:
        yield f"{coming} come to no level"


def _lines(allocations: Any, lines: Any) -> Iterator[str]:
    allocated: Counter[UUID] = Counter()
    for one in allocations:
        allocated[one.line_id] += one.quantity
    for line in lines:
        status, found = line.reservation.status, allocated[line.pk]
        if status not in OPEN and (found or line.unallocated):
            yield f"{line} is {status} and has {found} allocated, {line.unallocated} waiting"
        if status in OPEN and line.quantity != line.shipped + found + line.unallocated:
            yield f"{line}: {line.shipped} + {found} + {line.unallocated}"
        if status == Reservation.Status.SHIPPED and line.shipped != line.quantity:
            yield f"{line}: only {line.shipped} shipped"


def _waiting(lines: Any, levels: Any, batches: Any) -> Iterator[str]:
    """No line waits while there is something that it could have."""
    now = database_now()
    for line in lines:
        if not line.unallocated or not is_held(line.reservation, now):
            continue
        with_incoming = line.reservation.allow_incoming
        if free := free_units(line.product_id, levels, batches, with_incoming=with_incoming):
            yield f"{line}: {line.unallocated} wait and {free} are free"


def is_held(reservation: Reservation, now: datetime) -> bool:
    """Open, and not past its time."""
    if reservation.status == Reservation.Status.ACTIVE:
        return reservation.expires_at is not None and reservation.expires_at > now
    return reservation.status == Reservation.Status.CONFIRMED


def free_units(product_id: UUID, levels: Any, batches: Any, *, with_incoming: bool) -> int:
    """What could be promised of a product, overdue holds aside."""
    on_hand = sum(
        level.on_hand - level.reserved
        for level in levels
        if level.product_id == product_id and level.location.is_active
    )
    coming = sum(
        batch.outstanding - batch.allocated
        for batch in batches
        if batch.product_id == product_id and batch.location.is_active
    )
    return int(on_hand + (coming if with_incoming else 0))


def _ledgers(levels: Any) -> Iterator[str]:
    """Sequences 1, 2, 3 …, and the running total ends at what is on hand."""
    for level in levels:
        total = 0
        movements = list(level.movements.order_by("sequence"))
        for place, movement in enumerate(movements, start=1):
            total += movement.delta
            if (movement.sequence, movement.on_hand_after) != (place, total):
                yield f"{level}: movement {movement.sequence} ends at {movement.on_hand_after}"
        if (level.on_hand, level.movement_count) != (total, len(movements)):
            yield f"{level}: {level.on_hand} after {level.movement_count}, not {total}"
