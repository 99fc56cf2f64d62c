"""Locked stock levels, and the one way to change them: by movements."""

from __future__ import annotations

from contextvars import Context, copy_context
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final, Self, TypeVar

from django.db import connection

from common.bulkhead import lock_queue
from common.database import database_now, write
from common.errors import Invalid, NotFound
from common.events.recording import record
from common.ids import id_at, new_id
from common.locking import IsOneOf, LockingRead
from common.observability.context import current
from common.observability.metrics import stock_lock_wait
from inventory import rules
from inventory.models import Location, StockLevel, StockMovement
from inventory.operations.facts import alerted, moved
from inventory.operations.naming import location_named
from inventory.operations.promises import Promises
from inventory.operations.statements import (
    HISTORY,
    WRITE_LEVELS,
    WRITE_MOVEMENTS,
    as_json,
    level_row,
    movement_row,
)
from inventory.queries import Inventory, Share, holds_on
from inventory.querysets import BatchQuerySet, StockLevelQuerySet
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from common.events.recording import Fact
    from inventory.errors import BelowReserved
    from inventory.models import Transfer

Rows = TypeVar("Rows", StockLevelQuerySet, BatchQuerySet)

LARGE: Final = [f"product__{name}" for name in ("search", "name_order", "description", "images")]
"""What a product may have much of, and its stock does not depend on."""

HISTORY_STEP: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Why:
    """What a movement says of its cause, besides who and which request."""

    reason: str
    reference: str = ""
    note: str = ""
    transfer: Transfer | None = None
    reversal_of: StockMovement | None = None


class Ledger:
    """The stock levels of some products, locked, and the movements that are to change them.

    Use it in a transaction: ``locked()`` first, then decide from ``levels_of()``, then ``move()``
    as often as needed, and ``write()`` once at the end. Nothing is written before that.

    ``at`` is for history alone (the demo's month, an import): the moment when the movements
    happened, by which their ids sort too. The ledger stays append-only: a line goes after the
    lines that are there, so history is written in its order and at least a second apart.
    ``moment`` is when all these levels were locked, by the database's clock.
    """

    def __init__(
        self,
        levels: Iterable[StockLevel],
        *,
        at: datetime | None = None,
        moment: datetime | None = None,
    ) -> None:
        self._at = at
        self._moment = moment
        self._levels: dict[UUID, dict[UUID, StockLevel]] = {}
        self._movements: list[StockMovement] = []
        self._moves: list[Fact] = []
        self._changed: dict[UUID, StockLevel] = {}
        self._available: dict[UUID, int] = {}
        self._contexts: dict[UUID, Context] = {}
        self.gained: set[UUID] = set()
        """Products of which there is more to promise than before."""
        self.promises = Promises(self)
        for level in levels:
            self._levels.setdefault(level.product_id, {})[level.location_id] = level

    @classmethod
    def locked(
        cls,
        product_ids: Collection[UUID],
        *,
        at: datetime | None = None,
        with_deleted: bool = False,
    ) -> Self:
        """Lock every stock level of these products, in one query and in primary-key order.

        Deleted products have no stock to change, but what was promised of it ends. Refuses with
        Invalid when ``at`` does not follow what the ledger knows of these products. Raises
        TooManyWait when one product's stock is held for so long that enough threads wait for it.
        """
        read = _locking_read(StockLevelQuerySet.locked, with_deleted=with_deleted)
        with stock_lock_wait.time(), lock_queue.place(*product_ids):
            levels, moment = read.lock(product_ids)
        ledger = cls(levels, at=at, moment=moment)
        if at is not None:
            _check_follows(product_ids, at)
        return ledger

    @property
    def product_ids(self) -> Collection[UUID]:
        return self._levels.keys()

    def levels_of(self, product_id: UUID) -> list[StockLevel]:
        """The product's levels as they will be after the movements so far."""
        return list(self._levels.get(product_id, {}).values())

    def level(self, product_id: UUID, stock_level_id: UUID) -> StockLevel:
        """One level of a product.

        Another transaction may have made it while this one waited for the others, which keep it
        now: then it is locked here, without waiting for anybody.
        """
        known = self._levels.setdefault(product_id, {})
        for level in known.values():
            if level.pk == stock_level_id:
                return level
        rows = StockLevel.objects.filter(pk=stock_level_id)
        made = self.held(rows.select_related("product", "location").defer(*LARGE)).get()
        self._moment = None
        return known.setdefault(made.location_id, made)

    def product(self, product_id: UUID, *, attribute: str | None = None) -> Product:
        """The product, which has at least one level; refuses with NotFound."""
        levels = self.levels_of(product_id)
        if not levels:
            raise NotFound(
                "This product has no inventory; create it with POST /inventory first.",
                attribute=attribute,
            )
        return levels[0].product

    def facts(self, product_id: UUID) -> list[rules.Level]:
        """The product's levels as the rules see them."""
        return [
            rules.Level(
                location_id=level.location_id,
                on_hand=level.on_hand,
                reserved=level.reserved,
                version=level.version,
                priority=level.location.priority,
                is_active=level.location.is_active,
            )
            for level in self.levels_of(product_id)
        ]

    def location_id(self, code_or_id: str) -> UUID:
        """The id of a location, from the locked levels if it can be, or a refusal."""
        for levels in self._levels.values():
            for level in levels.values():
                if code_or_id.lower() in {level.location.code, str(level.location_id)}:
                    return level.location_id
        return location_named(code_or_id).pk

    def default_location(self) -> Location:
        """The location that is meant when none is named."""
        return Location.objects.default()

    def name_holds(self, refusal: BelowReserved, product_id: UUID, at: UUID | None) -> None:
        """Let a refusal say whom the product's units are promised to, everywhere or at a place."""
        refusal.name(holds_on(self.levels_of(product_id), at))

    def held(self, rows: Rows) -> Rows:
        """Rows that are guarded by the levels, or one of those, which may change now."""
        return rows.locked()

    def level_at(self, product: Product, location_id: UUID) -> StockLevel:
        """The product's level at a location, made and locked when there is none yet."""
        known = self._levels.setdefault(product.pk, {})
        if location_id not in known:
            known[location_id] = _made_level(product, location_id)
            self._moment = None
        return known[location_id]

    def move(self, level: StockLevel, delta: int, why: Why) -> StockMovement:
        """Change a level by a signed number of units, in memory until ``write()``.

        The caller has decided that it is possible; the database refuses what was forgotten.
        """
        level.on_hand += delta
        level.version += 1
        level.movement_count += 1
        self._keep(level)
        if delta > 0:
            self.gained.add(level.product_id)
        cause = current()
        movement = StockMovement(
            id=self._next_id(),
            stock_level=level,
            product=level.product,
            location=level.location,
            sequence=level.movement_count,
            delta=delta,
            on_hand_after=level.on_hand,
            reason=why.reason,
            reference=why.reference,
            note=why.note,
            transfer=why.transfer,
            reversal_of=why.reversal_of,
            actor=cause.actor,
            request_id=cause.request_id,
            created_at=self._at or self.moment,
        )
        self._movements.append(movement)
        if delta:  # a count that found what was expected has changed nothing
            self._moves.append(moved(movement))
        return movement

    def change(self, level: StockLevel) -> None:
        """A level has got other figures without a movement."""
        if level.pk not in self._changed:
            level.version += 1
        self._keep(level)

    def _keep(self, level: StockLevel) -> None:
        self._available.setdefault(level.pk, level.available)
        level.available = level.on_hand - level.reserved  # as PostgreSQL will compute it
        level.updated_at = self.moment
        self._changed[level.pk] = level
        self._contexts[level.pk] = copy_context()

    def promise(self, product_id: UUID, stock_level_id: UUID, quantity: int) -> None:
        """Count units of a level as promised, or with a minus as free again."""
        level = self.level(product_id, stock_level_id)
        level.reserved += quantity
        self.change(level)

    def available(self, level: StockLevel, wanted: int) -> int:
        """What is available of a level; holds past their time give theirs where it is needed."""
        if level.on_hand - level.reserved < wanted:
            self.promises.free_overdue([level.product_id])
        return level.on_hand - level.reserved

    @property
    def moment(self) -> datetime:
        """When everything that this ledger holds was locked: no later change happened before."""
        if self._moment is None:
            self._moment = database_now()
        return self._moment

    def _next_id(self) -> UUID:
        """Ids of one moment in the past are set a millisecond apart, to stay in their order."""
        if self._at is None:
            return new_id()
        return id_at(self._at + timedelta(milliseconds=len(self._movements)))

    def share_out(self) -> None:
        """Give what there is more of than before to the lines that wait for it."""
        if self.gained:
            self.promises.refill(self.gained)
            self.gained = set()

    def write(self) -> None:
        """Write all that has changed, and its events; with the commit, if that comes next.

        Levels, movements, allocations and batches. What there is more of than before goes to the
        lines that wait for it first.
        """
        self.share_out()
        facts = [*self._moves, *self.promises.facts, *self._alerts()]
        if not (self._changed or facts):
            return
        self.promises.write()
        if self._changed:
            write(WRITE_LEVELS, [as_json(map(level_row, self._changed.values()))])
        if self._movements:
            write(WRITE_MOVEMENTS, [as_json(map(movement_row, self._movements))])
        if facts:
            record(facts)

    def _alerts(self) -> Iterator[Fact]:
        """In the name of whoever changed the level last: several may share this ledger."""
        for pk, level in self._changed.items():
            before, point = self._available[pk], level.reorder_point
            yield from self._contexts[pk].run(alerted, level, available=before, reorder_point=point)

    def shown(self, product_id: UUID, share: rules.Share) -> Share:
        """A share as clients see it."""
        supply = share.supply
        batch = self.promises.batch(supply.id) if supply.eta else None
        places = {level.location_id: level.location for level in self.levels_of(product_id)}
        code = batch.location.code if batch else places[supply.location_id].code
        return Share(code, batch.reference if batch else None, share.quantity, supply.eta)

    def inventory(self, product_id: UUID) -> Inventory:
        """The product's stock as it stands after the movements."""
        levels = sorted(self.levels_of(product_id), key=lambda level: level.pk)
        return Inventory(levels[0].product, levels)


@cache
def _locking_read(_lock: object, *, with_deleted: bool) -> LockingRead[StockLevel]:
    """How ``Ledger.locked`` reads. The lock is named because tests take it away."""
    levels = StockLevel.objects.filter(IsOneOf("product_id"))
    levels = levels if with_deleted else levels.of_living_products()
    return LockingRead(levels.select_related("product", "location").defer(*LARGE).locked())


def _check_follows(product_ids: Collection[UUID], at: datetime) -> None:
    """Refuse a moment that is not after all movements of these products, or not in the past."""
    with connection.cursor() as cursor:
        cursor.execute(HISTORY, [list(product_ids)])
        last, now = cursor.fetchone()
    if (last and at < last + HISTORY_STEP) or at > now - HISTORY_STEP:
        raise Invalid("This moment is not after the last movement, or not past.", attribute="at")


def _made_level(product: Product, location_id: UUID) -> StockLevel:
    """An empty level, locked. Two callers may make it at once; both get the one that stays."""
    StockLevel.objects.bulk_create(
        [StockLevel(product=product, location_id=location_id)], ignore_conflicts=True
    )
    rows = StockLevel.objects.filter(product=product, location=location_id)
    return rows.select_related("product", "location").locked().get()
