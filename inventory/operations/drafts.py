"""A ledger for many lines of one request: as many statements for a thousand as for one."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from django.db import connection

from common.bulkhead import TooManyWait, lock_queue
from common.errors import NotFound
from inventory import queries
from inventory.models import Location, StockLevel
from inventory.operations.ledger import LARGE, Ledger, Rows
from inventory.operations.promises import Promises
from inventory.operations.statements import MAKE_LEVELS, as_json, new_level_row
from inventory.querysets import DEFAULT_LOCATION, as_id

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from inventory import rules
    from inventory.errors import BelowReserved
    from inventory.models import Allocation, ReservationLine
    from products.models import Product


class Draft(Ledger):
    """A ledger that asks the database about all its products at once, and writes at the end alone.

    Use it as a ledger, and ``look_up()`` before the first decision. New levels, too, are made by
    ``write()``: until then any refusal may still be the last word.
    """

    def __init__(
        self,
        levels: Iterable[StockLevel],
        *,
        at: datetime | None = None,
        moment: datetime | None = None,
    ) -> None:
        super().__init__(levels, at=at, moment=moment)
        self.promises = PromisesOfMany(self)
        self._places: dict[str, Location] = {}
        self._default: Location | None = None
        self._made: list[StockLevel] = []
        self._unnamed: list[tuple[BelowReserved, UUID]] = []

    # Places

    def look_up(self, changes: Collection[rules.Change]) -> None:
        """Find the locations that these changes name, and keep those that may get new levels.

        Others may have made a level while this transaction waited for those it knew of. Nobody
        does any more, so what is found now is all there is.
        """
        if named := {change.location for change in changes if change.location}:
            self._know(Location.objects.among(named))
        lacking = [change for change in changes if self._lacks(change)]
        if not lacking:
            return
        self._keep_places({place for change in lacking if (place := self._place(change))})
        products = {change.product_id for change in lacking}
        known = [level.pk for product_id in products for level in self.levels_of(product_id)]
        rows = StockLevel.objects.for_products(products)
        rows = rows.exclude(pk__in=known).select_related("product", "location").defer(*LARGE)
        for level in self.held(rows):
            self._levels[level.product_id].setdefault(level.location_id, level)
            self._moment = None

    def _know(self, locations: Iterable[Location]) -> None:
        for location in locations:
            self._places[location.code] = self._places[str(location.pk)] = location

    def _keep_places(self, places: Collection[Location]) -> None:
        """Safe from deletion; whatever has been deleted by now is not known any more."""
        with lock_queue.place(*(place.code for place in places)):
            kept = set(Location.objects.all_kept([place.pk for place in places]))
        gone = set(places) - kept
        self._places = {name: one for name, one in self._places.items() if one not in gone}

    def _lacks(self, change: rules.Change) -> bool:
        """Whether a product that has stock has none, as far as is known, where this may put it."""
        levels = self._levels.get(change.product_id, {})
        place = self._place(change)
        return bool(levels) and place is not None and place.pk not in levels

    def _place(self, change: rules.Change) -> Location | None:
        """The location that a change names or, where it may choose, that it may add units to."""
        if change.location:
            return self._places.get(_plain(change.location))
        is_added = (change.delta or 0) > 0 and len(self.levels_of(change.product_id)) > 1
        return self.default_location() if is_added else None

    def default_location(self) -> Location:
        if self._default is None:
            self._default = self._found_default()
            self._know([self._default])
        return self._default

    def _found_default(self) -> Location:
        return super().default_location()

    def location_id(self, code_or_id: str) -> UUID:
        place = self._places.get(_plain(code_or_id))
        if place is None:
            raise NotFound(f"There is no location {code_or_id!r}.", attribute="location")
        return place.pk

    def code_at(self, product_id: UUID, at: UUID | None) -> str | None:
        """The code of a location; without one, of the only place where the product is."""
        if at is not None:
            return self._places[str(at)].code
        levels = self.levels_of(product_id)
        return levels[0].location.code if len(levels) == 1 else None

    def level_at(self, product: Product, location_id: UUID) -> StockLevel:
        """The product's level at a location; where there is none yet, one that is to be made."""
        known = self._levels.setdefault(product.pk, {})
        if location_id not in known:
            location = self._places[str(location_id)]
            made = StockLevel(product=product, location=location)
            made.available = 0  # as PostgreSQL will compute it
            known[location_id] = made
            self._made.append(made)
        return known[location_id]

    # Refusals

    def name_holds(self, refusal: BelowReserved, product_id: UUID, at: UUID | None) -> None:
        """Remember whom to name in it: see ``name_all_holds``."""
        for level in self.levels_of(product_id):
            if at in (None, level.location_id):
                self._unnamed.append((refusal, level.pk))

    def name_all_holds(self) -> None:
        """Let every refusal so far say whom the units are promised to."""
        if not self._unnamed:
            return
        levels = StockLevel.objects.filter(pk__in={pk for _, pk in self._unnamed})
        holds = queries.holds_on_each(levels)
        for refusal, level_id in self._unnamed:
            refusal.name(holds.get(level_id, []))

    def write(self) -> None:
        """As a ledger does, with the new levels before."""
        if self._made:
            self._make_levels()
        super().write()

    def _make_levels(self) -> None:
        with connection.cursor() as cursor:
            cursor.execute(MAKE_LEVELS, [as_json(map(new_level_row, self._made))])
            if cursor.rowcount != len(self._made):  # by who makes the first ones of a product
                raise TooManyWait("Somebody has just made a level that this was to make.")


class Rehearsal(Draft):
    """A draft that is never written, of stock as it is at this moment, and that locks nothing."""

    @classmethod
    def seen(cls, product_ids: Collection[UUID]) -> Rehearsal:
        """Of the stock levels of these products."""
        rows = StockLevel.objects.for_products(product_ids).of_living_products()
        levels = rows.select_related("product", "location").defer(*LARGE)
        return cls(levels.order_by("pk"))

    def held(self, rows: Rows) -> Rows:
        return rows.order_by("pk")

    def _keep_places(self, places: Collection[Location]) -> None:
        """They are there at this moment, and this moment is all."""

    def _found_default(self) -> Location:
        found = Location.objects.named(DEFAULT_LOCATION)
        return found or Location(code=DEFAULT_LOCATION, name="Main")

    def write(self) -> None:
        raise TypeError("A rehearsal is not written.")


class PromisesOfMany(Promises):
    """What is promised of many products, asked for together and used product by product."""

    def __init__(self, ledger: Ledger) -> None:
        super().__init__(ledger)
        self._all_overdue: dict[UUID, list[Allocation]] | None = None
        self._all_waiting: dict[UUID, list[ReservationLine]] | None = None

    def _overdue(self, product_ids: Collection[UUID]) -> dict[Allocation, int]:
        if self._all_overdue is None:
            self._all_overdue = defaultdict(list)
            for one in super()._overdue(self._ledger.product_ids):
                self._all_overdue[one.line.product_id].append(one)
        rows = [one for pk in product_ids for one in self._all_overdue.pop(pk, [])]
        return {one: one.quantity for one in rows}

    def _lines_waiting(self, product_ids: Collection[UUID]) -> Iterator[ReservationLine]:
        """Each in its turn, as long as something is there that it could be given."""
        if self._all_waiting is None:
            self._all_waiting = defaultdict(list)
            for line in super()._lines_waiting(self._ledger.product_ids):
                self._all_waiting[line.product_id].append(line)
        for product_id in product_ids:
            waiting = self._all_waiting[product_id]
            for line in waiting:
                if not self._has_free(product_id):
                    break
                yield line
            self._all_waiting[product_id] = [line for line in waiting if self._is_short(line)]

    def _has_free(self, product_id: UUID) -> bool:
        return any(one.free > 0 for one in self.supplies(product_id, with_incoming=True))

    def _is_short(self, line: ReservationLine) -> bool:
        return line.unallocated + self._waiting[line.pk] > 0


def _plain(code_or_id: str) -> str:
    """As ``Draft`` knows locations: by code, or by id in its usual form."""
    found = as_id(code_or_id)
    return str(found) if found else code_or_id.lower()
