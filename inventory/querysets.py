"""Chainable reads of stock, and the one spelling of the lock."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Self
from uuid import UUID

from django.db import models
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.lookups import LessThanOrEqual

from common.database import ClockTimestamp, IsTrue
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from inventory.models import Batch, Location, Reservation, StockLevel, StockMovement

DEFAULT_LOCATION: Final = "main"
OPEN: Final = frozenset({"active", "confirmed"})
"""The statuses of reservations that have not ended."""
LOW: Final = IsTrue(LessThanOrEqual(F("available"), F("reorder_point")))
"""Stock levels at or below their reorder point, where they have one."""


def is_held(through: str = "") -> Q:
    """Reservations that are confirmed, or active and not past their time, by the database's clock.

    ``through``: the way to them from the rows that are asked for, such as ``reservation__``.
    """
    in_time = {f"{through}status": "active", f"{through}expires_at__gt": ClockTimestamp()}
    return Q(**{f"{through}status": "confirmed"}) | Q(**in_time)


def as_id(text: str) -> UUID | None:
    """The id that a text spells, or None when it spells none."""
    try:
        return UUID(text)
    except ValueError:
        return None


class LocationQuerySet(models.QuerySet["Location"]):
    def default(self) -> Location:
        """The location that is meant when none is named; it always exists."""
        location, _ = self.get_or_create(code=DEFAULT_LOCATION, defaults={"name": "Main"})
        return location

    def named(self, code_or_id: str) -> Location | None:
        """The location with this code, or with this id."""
        by_code = self.filter(code=code_or_id.lower())
        return by_code.first() or self.with_id(code_or_id)

    def with_id(self, text: str) -> Location | None:
        pk = as_id(text)
        return self.filter(pk=pk).first() if pk else None

    def among(self, codes_or_ids: Iterable[str]) -> Self:
        """The locations with these codes, or with these ids."""
        names = {name.lower() for name in codes_or_ids}
        ids = {found for name in names if (found := as_id(name))}
        return self.filter(Q(code__in=names) | Q(pk__in=ids))

    def kept(self, code_or_id: str) -> Location | None:
        """The same as ``named``, safe from deletion until the transaction ends.

        A key-share lock, as a foreign key takes it: Django's checks are deferred to the commit,
        where a violation could no longer be refused in words.
        """
        found = self.named(code_or_id)
        return next(iter(self.all_kept([found.pk] if found else [])), None)

    def all_kept(self, ids: Collection[UUID]) -> Iterable[Location]:
        """Those of these locations that there are, kept likewise, in primary-key order."""
        statement = "SELECT * FROM inventory_location WHERE id = ANY(%s) ORDER BY id FOR KEY SHARE"
        return self.raw(statement, [list(ids)])

    def locked(self, *, no_key: bool = False) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order.

        Against new stock levels too, which take a key-share lock on their location; with
        ``no_key`` only against those who lock the row like this.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=no_key)


class StockLevelQuerySet(models.QuerySet["StockLevel"]):
    def of_living_products(self) -> Self:
        return self.filter(product__deleted_at=None)

    def listed(self) -> Self:
        """The same as ``of_living_products``, for lists: few products are deleted.

        So PostgreSQL leaves those few out, instead of looking for the product of every level.
        """
        deleted = Product.objects.exclude(deleted_at=None).filter(pk=OuterRef("product"))
        return self.filter(~Exists(deleted))

    def for_products(self, product_ids: Iterable[UUID]) -> Self:
        return self.filter(product__in=set(product_ids))

    def low(self) -> Self:
        return self.filter(LOW)

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order.

        The only way to lock stock: one order everywhere means no deadlocks (docs/locking.md).
        Locks the stock rows alone, not the joined product or location.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class StockMovementQuerySet(models.QuerySet["StockMovement"]):
    def newest_first(self) -> Self:
        return self.order_by("-pk")

    def last_of(self, levels: Iterable[StockLevel]) -> Self:
        """The last movement of each of these stock levels that has one."""
        return self.filter(stock_level__in=levels, sequence=F("stock_level__movement_count"))


class BatchQuerySet(models.QuerySet["Batch"]):
    def incoming(self) -> Self:
        """Those of which units are still to arrive."""
        return self.filter(status="incoming")

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order.

        After the product's stock levels, which guard them: nobody waits here.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)


class ReservationQuerySet(models.QuerySet["Reservation"]):
    def open(self) -> Self:
        """Active, also when overdue, and confirmed."""
        return self.filter(status__in=OPEN)

    def ended(self) -> Self:
        """Shipped, released or expired."""
        return self.exclude(status__in=OPEN)

    def overdue(self) -> Self:
        """Active, and past their time by the database's clock at this moment."""
        return self.filter(status="active", expires_at__lte=ClockTimestamp())

    def locked(self) -> Self:
        """Lock the matching rows until the transaction ends, in primary-key order.

        Before the stock levels of their products.
        """
        return self.order_by("pk").select_for_update(of=("self",), no_key=True)
