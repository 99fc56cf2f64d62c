"""Locked stock levels, and the one way to change them: by movements."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, Self

from django.db import connection

from common.bulkhead import lock_queue
from common.database import one_round_trip
from common.errors import Invalid, NotFound
from common.events.recording import record
from common.ids import id_at, new_id
from common.observability.context import current
from inventory import rules
from inventory.models import Location, StockLevel, StockMovement
from inventory.operations.facts import alerted, moved
from inventory.operations.promises import Promises
from inventory.operations.statements import (
    HISTORY,
    WRITE,
    WRITE_LEVELS,
    columns,
    level_row,
    movement_row,
)
from inventory.queries import Inventory, Share
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from common.events.recording import Fact
    from inventory.models import Transfer

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
    """

    def __init__(self, levels: Iterable[StockLevel], *, at: datetime | None = None) -> None:
        self._at = at
        self._levels: dict[UUID, dict[UUID, StockLevel]] = {}
        self._movements: list[StockMovement] = []
        self._changed: dict[UUID, StockLevel] = {}
        self._available: dict[UUID, int] = {}
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
        rows = StockLevel.objects.for_products(product_ids)
        rows = rows if with_deleted else rows.of_living_products()
        rows = rows.select_related("product", "location").defer(*LARGE)
        with lock_queue.place(*product_ids):
            ledger = cls(rows.locked(), at=at)
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
        made = rows.select_related("product", "location").defer(*LARGE).locked().get()
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

    def level_at(self, product: Product, location_id: UUID) -> StockLevel:
        """The product's level at a location, made and locked when there is none yet."""
        known = self._levels.setdefault(product.pk, {})
        if location_id not in known:
            known[location_id] = _made_level(product, location_id)
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
        )
        self._movements.append(movement)
        return movement

    def change(self, level: StockLevel) -> None:
        """A level has got other figures without a movement."""
        if level.pk not in self._changed:
            level.version += 1
        self._keep(level)

    def _keep(self, level: StockLevel) -> None:
        self._available.setdefault(level.pk, level.available)
        level.available = level.on_hand - level.reserved  # as PostgreSQL will compute it
        self._changed[level.pk] = level

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

    def _next_id(self) -> UUID:
        """Ids of one moment in the past are set a millisecond apart, to stay in their order."""
        if self._at is None:
            return new_id()
        return id_at(self._at + timedelta(milliseconds=len(self._movements)))

    def write(self) -> None:
        """Write all that has changed, and its events, in one round trip.

        Levels, movements, allocations and batches. What there is more of than before goes to the
        lines that wait for it first.
        """
        if self.gained:
            self.promises.refill(self.gained)
        facts = [*self._moves(), *self.promises.facts, *self._alerts()]
        if not (self._changed or facts):
            return
        with connection.cursor() as cursor:
            with one_round_trip():
                self.promises.write()
                self._write_levels(cursor)
                if facts:
                    record(facts)
            if self._changed:
                self._stamp(*cursor.fetchone())

    def _moves(self) -> Iterator[Fact]:
        """A count that found what was expected has changed nothing: the ledger alone knows."""
        return (moved(movement) for movement in self._movements if movement.delta)

    def _alerts(self) -> Iterator[Fact]:
        for pk, level in self._changed.items():
            before = self._available[pk]
            yield from alerted(level, available=before, reorder_point=level.reorder_point)

    def _stamp(self, happened: datetime, written: datetime) -> None:
        for level in self._changed.values():
            level.updated_at = written
        for movement in self._movements:
            movement.created_at = happened

    def _write_levels(self, cursor: Any) -> None:
        levels = columns(map(level_row, self._changed.values()))
        if self._movements:
            movements = columns(map(movement_row, self._movements))
            cursor.execute(WRITE, [*levels, self._at, *movements])
        elif levels:
            cursor.execute(WRITE_LEVELS, levels)

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


def living_product(product_id: UUID, *, attribute: str = "product_id") -> Product:
    """The product that new stock belongs to, kept, or a refusal that it does not exist."""
    with lock_queue.place(product_id):
        product = Product.objects.kept(product_id)
    if product is None:
        raise NotFound("There is no such product.", attribute=attribute)
    return product


def product_with(product_id: UUID | None, sku: str | None) -> UUID:
    """The id of the living product that a caller names by id or by SKU, or by both alike."""
    if product_id is not None and sku is None:
        return product_id
    found = Product.objects.living().filter(sku=(sku or "").upper()).values_list("pk", flat=True)
    for pk in found:
        if product_id not in (None, pk):
            raise NotFound("There is no product with this id and this SKU.", attribute="sku")
        return pk
    raise NotFound(f"There is no product with the SKU {sku!r}.", attribute="sku")


def location_named(code_or_id: str, *, attribute: str = "location") -> Location:
    """The location with this code or id, kept, or a refusal that it does not exist."""
    with lock_queue.place(code_or_id.lower()):
        location = Location.objects.kept(code_or_id)
    if location is None:
        raise NotFound(f"There is no location {code_or_id!r}.", attribute=attribute)
    return location


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
