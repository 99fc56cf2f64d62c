"""The bugs of ``Plant``, put into the server's process and nowhere else.

Each takes away one promise of Stockroom's: what the checker does not find here, it would not find
in earnest.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Self
from unittest.mock import patch

from django.db import connection, transaction

from common.database import database_now
from common.events.recording import record
from common.idempotency import once
from inventory import rules
from inventory.models import Allocation, Reservation, StockLevel
from inventory.operations import deltas, ledger, reservations, reserving, stock
from inventory.operations.promises import Promises
from inventory.querysets import StockLevelQuerySet
from tests.race.operations import Plant

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
    from datetime import datetime
    from uuid import UUID

    from common.events.recording import Fact

UNIQUE_SEQUENCE: Final = "stock_movement_sequence_unique"


def no_lock() -> None:
    """Stock is read without a lock: two sales decide on the same units.

    The ledger's unique key, which would make the second one fail, is taken away too.
    """
    _replace(StockLevelQuerySet, "locked", lambda rows: rows.order_by("pk"))
    with connection.cursor() as cursor:
        cursor.execute(f"ALTER TABLE inventory_stockmovement DROP CONSTRAINT {UNIQUE_SEQUENCE}")
    connection.close()  # processes are about to part


def no_order() -> None:
    """The rows of one product are locked in any order: two may wait for each other."""
    locked = StockLevelQuerySet.locked
    _replace(StockLevelQuerySet, "locked", lambda rows: locked(rows).order_by("?"))


def no_guard() -> None:
    """A count is taken whatever the counter saw before."""
    decide = rules.decide

    def unguarded(
        change: rules.Change, levels: Sequence[rules.Level], **more: Any
    ) -> list[rules.Posting]:
        return decide(replace(change, expected=None, is_guarded=True), levels, **more)

    _replace(rules, "decide", unguarded)


def record_apart() -> None:
    """The answer to a key is kept after the change was committed, in a transaction of its own."""
    within_a_transaction: Any = once.applied_once
    _replace(once, "applied_once", within_a_transaction.__wrapped__)
    _replace(stock, "applied_once", within_a_transaction.__wrapped__)
    _replace(deltas, "may_share", lambda _changes: False)


def event_lost() -> None:
    """Events are written once the change has been committed, as a publisher would do it."""

    def record_later(facts: Iterable[Fact]) -> None:
        told = list(facts)

        def write() -> None:
            with transaction.atomic():
                record(told)

        transaction.on_commit(write)

    _replace(ledger, "record", record_later)


def no_clock() -> None:
    """A hold is confirmed, extended and shipped without a look at the clock."""
    check = reservations._check_active

    def unclocked(reservation: Reservation) -> datetime:
        if reservation.status == Reservation.Status.ACTIVE:
            return database_now()
        return check(reservation)

    _replace(reservations, "_check_active", unclocked)


def unlocked_hold() -> None:
    """Holds are made on stock that was read without a lock."""

    class Unlocked(ledger.Ledger):
        @classmethod
        def locked(cls, product_ids: Collection[UUID], **_more: Any) -> Self:
            rows = StockLevel.objects.for_products(product_ids)
            return cls(rows.select_related("product", "location"))

    _replace(reserving, "Ledger", Unlocked)


def freed_twice() -> None:
    """What a released hold had is counted as free twice, as far as the database lets it."""
    end = reservations.end

    def ended_twice(locked: ledger.Ledger, ended: Sequence[Reservation], *more: Any) -> None:
        held = Allocation.objects.filter(line__reservation__in=ended, batch=None)
        found = list(held.select_related("line"))
        end(locked, ended, *more)
        for one in found:
            for level in locked.levels_of(one.line.product_id):
                if level.pk == one.stock_level_id:
                    units = min(one.quantity, level.reserved)
                    locked.promise(one.line.product_id, level.pk, -units)

    _replace(reservations, "end", ended_twice)


def promises_left() -> None:
    """What has arrived is on the shelf, and its promises are still on the batch.

    The database's own check of that is taken away too.
    """
    _replace(Promises, "arrive", lambda *_: None)
    with connection.cursor() as cursor:
        for name in ("batch_allocated_outstanding", "batch_status_agrees"):
            cursor.execute(f"ALTER TABLE inventory_batch DROP CONSTRAINT {name}")
    connection.close()  # processes are about to part


def overdue_counts() -> None:
    """Holds past their time stand in the way of others until somebody has swept them up."""
    _replace(Promises, "free_overdue", lambda *_: False)


def _replace(owner: object, name: str, by: object) -> None:
    """For the life of this process; fails when there is no such name any more."""
    patch.object(owner, name, by).start()


PLANTS: Final[Mapping[Plant, Callable[[], None]]] = {
    Plant.NO_LOCK: no_lock,
    Plant.NO_ORDER: no_order,
    Plant.NO_GUARD: no_guard,
    Plant.RECORD_APART: record_apart,
    Plant.EVENT_LOST: event_lost,
    Plant.NO_CLOCK: no_clock,
    Plant.UNLOCKED_HOLD: unlocked_hold,
    Plant.FREED_TWICE: freed_twice,
    Plant.PROMISES_LEFT: promises_left,
    Plant.OVERDUE_COUNTS: overdue_counts,
}
