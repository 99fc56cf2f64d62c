"""When a stock level counts as low, and who is reminded of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone

from common.bulkhead import lock_queue
from common.database import database_now, in_transaction
from common.errors import Invalid, NotFound, VersionMismatch
from common.events.recording import record
from inventory.models import StockLevel
from inventory.operations.facts import alerted, unmoved

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from datetime import date
    from uuid import UUID


@in_transaction
def set_reorder_settings(
    *,
    stock_level_id: UUID,
    changes: Mapping[str, int | None],
    expected_version: int | None = None,
) -> StockLevel:
    """Set reorder_point, reorder_quantity and safety_stock (units) of one stock level.

    Figures are not touched. Refuses with NotFound and VersionMismatch.

    Locks: the level (docs/locking.md).
    """
    rows = StockLevel.objects.of_living_products().filter(pk=stock_level_id)
    with lock_queue.place(stock_level_id):
        level = rows.select_related("product", "location").locked().first()
    if level is None:
        raise NotFound("There is no such stock level.")
    if expected_version is not None and level.version != expected_version:
        raise VersionMismatch("The stock level has changed since; fetch it and decide again.")
    before = {name: getattr(level, name) for name in changes}
    if before == dict(changes):
        return level
    reorder_point = level.reorder_point
    for name, value in changes.items():
        setattr(level, name, value)
    alerts = alerted(level, available=level.available, reorder_point=reorder_point)
    level.version += 1
    level.updated_at = database_now()
    level.save(update_fields=[*changes, "alert", "version", "updated_at"])
    settings = {"before": before, "after": dict(changes)}
    record([unmoved(level, "settings", settings=settings), *alerts])
    return level


@in_transaction
def snooze(*, stock_level_ids: Collection[UUID], until: date | None) -> list[StockLevel]:
    """Leave these levels out of what is to be ordered until a day comes; None wakes them now.

    On that day they are back by themselves. Nothing else changes: who subscribed to alerts hears
    of a level that becomes low all the same, for it does so once. Returns the levels as they were
    before, by primary key. Refuses with Invalid when the day has come already (of UTC, as ETAs
    are), and with NotFound when one of the levels, or its product, is gone.

    Locks: the levels (docs/locking.md).
    """
    if until is not None and until <= timezone.now().date():
        raise Invalid("Choose a day that is still to come.", attribute="until")
    rows = StockLevel.objects.of_living_products().filter(pk__in=stock_level_ids)
    levels = list(rows.select_related("product", "location").locked())
    if len(levels) < len(set(stock_level_ids)):
        raise NotFound("Some of these stock levels are gone.")
    StockLevel.objects.filter(pk__in=stock_level_ids).update(snoozed_until=until)
    return levels
