"""What is promised of locked stock levels and batches, and the one way to change it."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple
from uuid import UUID

from django.db.models import Q

from common.database import ClockTimestamp, write
from common.events.recording import Fact
from common.ids import new_id
from inventory import rules
from inventory.models import Allocation, Batch, Reservation, ReservationLine
from inventory.operations.statements import columns
from inventory.querysets import is_held

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from inventory.models import StockLevel
    from inventory.operations.ledger import Ledger

FREED: Final = """
WITH freed AS (SELECT * FROM unnest(%s::uuid[], %s::bigint[]) AS freed (id, quantity)),
cut AS (
    UPDATE inventory_allocation AS allocation SET quantity = allocation.quantity - freed.quantity
    FROM freed WHERE allocation.id = freed.id AND allocation.quantity > freed.quantity
)
DELETE FROM inventory_allocation AS allocation
USING freed WHERE allocation.id = freed.id AND allocation.quantity <= freed.quantity
"""
ADDED: Final = """
INSERT INTO inventory_allocation (id, line_id, stock_level_id, batch_id, quantity)
SELECT * FROM unnest(%s::uuid[], %s::uuid[], %s::uuid[], %s::uuid[], %s::bigint[])
ON CONFLICT {key} DO UPDATE SET quantity = inventory_allocation.quantity + excluded.quantity
"""
ON_HAND: Final = ADDED.format(key="(line_id, stock_level_id) WHERE batch_id IS NULL")
INCOMING: Final = ADDED.format(key="(line_id, batch_id) WHERE stock_level_id IS NULL")
WAITING: Final = """
UPDATE inventory_reservationline AS line SET unallocated = line.unallocated + new.units
FROM unnest(%s::uuid[], %s::bigint[]) AS new (id, units) WHERE line.id = new.id
"""
BATCHES: Final = """
UPDATE inventory_batch AS batch
SET quantity = new.quantity, received_quantity = new.received_quantity, eta = new.eta,
    allocated = new.allocated, status = new.status, version = batch.version + 1,
    updated_at = clock_timestamp()
FROM unnest(%s::uuid[], %s::bigint[], %s::bigint[], %s::bigint[], %s::date[], %s::text[])
    AS new (id, quantity, received_quantity, allocated, eta, status)
WHERE batch.id = new.id
"""


class Source(NamedTuple):
    """The supply of an allocation: a stock level, or a batch."""

    stock_level_id: UUID | None
    batch_id: UUID | None


class Promises:
    """The allocations of the products whose stock levels a ledger has locked.

    That lock guards them, the batches, and what is unallocated of the lines; the reservation's
    own guards its status alone. So supply can be cut, received and shared out anew without
    locking reservations that were not locked first (RULES S3). In memory until ``write()``.
    """

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._batches: dict[UUID, Batch] | None = None
        self._changed: dict[UUID, Batch] = {}
        self._freed: dict[UUID, int] = defaultdict(int)
        self._added: dict[tuple[UUID, Source], int] = defaultdict(int)
        self._waiting: dict[UUID, int] = defaultdict(int)
        self.facts: list[Fact] = []

    # Supply

    def batches(self, product_id: UUID) -> list[Batch]:
        """The batches of a product that are still to arrive, as they will be."""
        return [batch for batch in self._incoming().values() if batch.product_id == product_id]

    def _incoming(self) -> dict[UUID, Batch]:
        if self._batches is None:
            found = Batch.objects.incoming().filter(product__in=self._ledger.product_ids)
            rows = self._ledger.held(found.select_related("location"))
            self._batches = {batch.pk: batch for batch in rows}
        return self._batches

    def batch(self, batch_id: UUID) -> Batch | None:
        """One that is still to arrive, of the ledger's products."""
        return self._incoming().get(batch_id)

    def supplies(self, product_id: UUID, *, with_incoming: bool) -> list[rules.Supply]:
        """What can be promised now; an inactive location supplies nothing new."""
        on_hand = [
            rules.Supply(
                id=level.pk,
                location_id=level.location_id,
                free=level.on_hand - level.reserved,
                priority=level.location.priority,
            )
            for level in self._ledger.levels_of(product_id)
            if level.location.is_active
        ]
        if not with_incoming:
            return on_hand
        return on_hand + [
            rules.Supply(
                id=batch.pk,
                location_id=batch.location_id,
                free=batch.outstanding - batch.allocated,
                eta=batch.eta,
            )
            for batch in self.batches(product_id)
            if batch.location.is_active
        ]

    # Promising and letting go

    def take(self, line: ReservationLine, shares: Iterable[rules.Share]) -> None:
        """Promise these shares to a line."""
        for share in shares:
            supply = share.supply
            source = Source(supply.id, None) if supply.eta is None else Source(None, supply.id)
            self._added[line.pk, source] += share.quantity
            self._promise(line.product_id, source, share.quantity)

    def taken(self) -> Sequence[tuple[object, ...]]:
        """The allocations of lines that are new, for the caller to write together with those."""
        rows = [*self._new(batches=False), *self._new(batches=True)]
        self._added.clear()
        return rows

    def ship(self, allocation: Allocation, quantity: int) -> StockLevel:
        """Units leave the shelf together with their promise; which one that is."""
        if allocation.stock_level_id is None:
            raise ValueError("What is on a batch is on no shelf.")
        self._freed[allocation.pk] += quantity
        product_id = allocation.line.product_id
        self._ledger.promise(product_id, allocation.stock_level_id, -quantity)
        return self._ledger.level(product_id, allocation.stock_level_id)

    def free(self, promised: Mapping[Allocation, int]) -> None:
        """Let go of so many units of each of these allocations."""
        for allocation, quantity in promised.items():
            source = Source(allocation.stock_level_id, allocation.batch_id)
            self._freed[allocation.pk] += quantity
            self._promise(allocation.line.product_id, source, -quantity)

    def free_overdue(self, product_ids: Collection[UUID]) -> bool:
        """Let go of what holds past their time keep of these products; whether there was any.

        Asked only when something is short. The sweeper gives them their status later (RULES S9).
        """
        if not self._are_promised(product_ids):
            return False
        overdue = self._overdue(product_ids)
        self.free(overdue)
        for one, quantity in overdue.items():
            self._waiting[one.line_id] += quantity
        return bool(overdue)

    def _overdue(self, product_ids: Collection[UUID]) -> dict[Allocation, int]:
        """What holds past their time keep of these products."""
        return self._left(
            Q(line__product__in=product_ids)
            & Q(line__reservation__status=Reservation.Status.ACTIVE)
            & Q(line__reservation__expires_at__lte=ClockTimestamp())
        )

    def _are_promised(self, product_ids: Collection[UUID]) -> bool:
        """Whether anything is, of the stock and the batches that are known here."""
        levels = (level for pk in product_ids for level in self._ledger.levels_of(pk))
        batches = (self._batches or {}).values()
        return any(level.reserved for level in levels) or any(
            batch.allocated for batch in batches if batch.product_id in product_ids
        )

    def free_latest(self, product_id: UUID, source: Source) -> None:
        """Take back the latest promises on a supply that has promised more than it has.

        Holds past their time go before them, and what they kept is for the oldest line that
        waits. The others look for other supply at once; what finds none stays on its line,
        unallocated.
        """
        waiting = self._lines_waiting([product_id]) if self.free_overdue([product_id]) else []
        left = self.on(source)
        promised = [rules.Promised(one.pk, quantity) for one, quantity in left.items()]
        latest = rules.latest_first(promised, self._excess(product_id, source))
        parts = {one.id: one.quantity for one in latest}
        cut = {one: parts[one.pk] for one in left if one.pk in parts}
        self.free(cut)
        lost = {allocation.line: quantity for allocation, quantity in cut.items()}
        for line in sorted({*lost, *waiting}, key=lambda line: (line.reservation_id, line.pk)):
            if line in lost:
                self._plan(line, lost[line], freed=lost[line])
            else:
                self._fill(line)

    def arrive(self, batch: Batch, stock_level_id: UUID, quantity: int) -> None:
        """Units of a batch are on hand now: the oldest promises on it move there with them.

        Holds past their time keep none of them: they would be in the way of a shipment.
        """
        self.free_overdue([batch.product_id])
        left = {one.pk: (one, units) for one, units in self.on(Source(None, batch.pk)).items()}
        promised = [rules.Promised(pk, units) for pk, (_, units) in left.items()]
        level = Source(stock_level_id, None)
        for one in rules.oldest_first(promised, quantity):
            allocation, _ = left[one.id]
            self.free({allocation: one.quantity})
            self._added[allocation.line_id, level] += one.quantity
            self._promise(batch.product_id, level, one.quantity)

    def refill(self, product_ids: Collection[UUID]) -> None:
        """Give new supply to the lines that wait for it: those of the oldest reservation first."""
        for line in self._lines_waiting(product_ids):
            self._fill(line)

    def _lines_waiting(self, product_ids: Collection[UUID]) -> Iterable[ReservationLine]:
        """Those that the database knows of, of the oldest reservation first."""
        waiting = ReservationLine.objects.filter(
            is_held("reservation__"), product__in=product_ids, unallocated__gt=0
        )
        return waiting.select_related("reservation").order_by("reservation_id", "pk")

    def _fill(self, line: ReservationLine) -> None:
        self._plan(line, line.unallocated + self._waiting[line.pk], waiting=True)

    def _plan(
        self, line: ReservationLine, quantity: int, *, freed: int = 0, waiting: bool = False
    ) -> None:
        """Promise so many units to a line from what is free; the rest waits."""
        with_incoming = line.reservation.allow_incoming
        supplies = self.supplies(line.product_id, with_incoming=with_incoming)
        shares = rules.allocate(quantity, supplies)
        found = sum(share.quantity for share in shares)
        if waiting and not found:
            return
        self.take(line, shares)
        self._waiting[line.pk] += -found if waiting else quantity - found
        data = {
            "order_reference": line.reservation.order_reference,
            "product_id": str(line.product_id),
            "sku": self._ledger.product(line.product_id).sku,
            "freed": freed,
            "allocated": found,
            "unallocated": line.unallocated + self._waiting[line.pk],
        }
        self.tell("allocation.changed", line.reservation, data)

    def tell(self, what: str, reservation: Reservation, data: dict[str, object]) -> None:
        self.facts.append(Fact(what, "reservations", reservation.pk, data))

    def on(self, source: Source) -> dict[Allocation, int]:
        """What is promised on a supply, the oldest first, and how many units of it still are."""
        if source.batch_id:
            return self._left(Q(batch=source.batch_id))
        return self._left(Q(stock_level=source.stock_level_id))

    def _left(self, condition: Q) -> dict[Allocation, int]:
        """Allocations with their units, less what has been let go of in memory."""
        rows = Allocation.objects.filter(condition).select_related("line__reservation")
        left = {one: one.quantity - self._freed.get(one.pk, 0) for one in rows.order_by("pk")}
        return {one: quantity for one, quantity in left.items() if quantity}

    def _excess(self, product_id: UUID, source: Source) -> int:
        """How many more units of a supply are promised than it has."""
        if source.stock_level_id:
            level = self._ledger.level(product_id, source.stock_level_id)
            return level.reserved - level.on_hand
        batch = self.batch(source.batch_id) if source.batch_id else None
        return batch.allocated - batch.outstanding if batch else 0

    def change(self, batch: Batch) -> None:
        """A batch has got other figures, or units of it are promised or let go."""
        self._changed[batch.pk] = batch

    def _promise(self, product_id: UUID, source: Source, quantity: int) -> None:
        """Count units as promised on a supply, or as free again."""
        if source.stock_level_id:
            self._ledger.promise(product_id, source.stock_level_id, quantity)
        elif source.batch_id and (batch := self.batch(source.batch_id)):
            batch.allocated += quantity
            self.change(batch)
        if quantity < 0:
            self._ledger.gained.add(product_id)

    # Writing

    def write(self) -> None:
        """Each kind of change in one statement; the caller sends them together."""
        if self._freed:
            write(FREED, columns(self._freed.items()))
        for statement, rows in ((ON_HAND, self._new(batches=False)), (INCOMING, self._new())):
            if rows:
                write(statement, columns(rows))
        if waiting := [(line, units) for line, units in self._waiting.items() if units]:
            write(WAITING, columns(waiting))
        if self._changed:
            write(BATCHES, columns(map(_batch_row, self._changed.values())))

    def _new(
        self, *, batches: bool = True
    ) -> list[tuple[UUID, UUID, UUID | None, UUID | None, int]]:
        return [
            (new_id(), line_id, *source, quantity)
            for (line_id, source), quantity in self._added.items()
            if (source.batch_id is not None) is batches
        ]


def _batch_row(batch: Batch) -> tuple[object, ...]:
    return (
        batch.pk,
        batch.quantity,
        batch.received_quantity,
        batch.allocated,
        batch.eta,
        batch.status,
    )
