"""What tests of the summary by days, and of what is ordered by it, share."""

from __future__ import annotations

from datetime import date, timedelta
from secrets import token_hex
from typing import TYPE_CHECKING, Any

from common.database import database_now
from common.observability.context import acting_as
from inventory.models import StockDay, StockLevel
from inventory.models.days import day_of, start_of
from inventory.operations import (
    Wanted,
    adjust_stock,
    change_batch,
    create_batch,
    open_inventory,
    reserve,
)
from inventory.operations.days import SETTLING
from inventory.rules import Change
from tests.factories import LocationFactory, ProductFactory

if TYPE_CHECKING:
    from datetime import datetime

Row = tuple[date, str, int, int]


def day(days_ago: int) -> date:
    """A day that is over, if ``days_ago`` is not 0."""
    return day_of(database_now() - SETTLING) - timedelta(days=days_ago)


def noon(days_ago: int, minutes: int = 0) -> datetime:
    return start_of(day(days_ago)) + timedelta(hours=12, minutes=minutes)


def stocked(days_ago: int, on_hand: int, *, location: str = "main", **product: Any) -> StockLevel:
    """A level that got its first units at noon, so many days ago."""
    LocationFactory(code=location)
    made = ProductFactory(**product)
    with acting_as("a test"):
        open_inventory(product_id=made.pk, quantity=on_hand, location=location, at=noon(days_ago))
    return StockLevel.objects.select_related("product", "location").get(product=made)


def moved(
    level: StockLevel, days_ago: int, delta: int, reason: str | None = None, minutes: int = 1
) -> None:
    """Units that moved so many days ago, some minutes after noon."""
    change = Change(level.product_id, delta=delta, location=level.location.code, reason=reason)
    with acting_as("a test"):
        adjust_stock(changes=[change], at=noon(days_ago, minutes))


def summary(level: StockLevel) -> list[Row]:
    """What the summary says of a level: day, reason, units, movements."""
    rows = StockDay.objects.filter(stock_level=level).order_by("day", "reason")
    return list(rows.values_list("day", "reason", "units", "movements"))


def tomorrow() -> date:
    """A day on which a batch can be expected: of UTC, as ETAs are."""
    return database_now().date() + timedelta(days=1)


def hold(level: StockLevel, units: int) -> str:
    """Promise units of a product to an order, from stock or from what is on its way."""
    order = f"ORDER-{token_hex(4)}"
    wanted = Wanted(units, product_id=level.product_id)
    reserve(order_reference=order, lines=[wanted], allow_incoming=True)
    return order


def waits(level: StockLevel, units: int) -> str:
    """An order that counted on a batch that will not come; it was enough for others, too."""
    batch = create_batch(
        reference=token_hex(4),
        quantity=units + 1_000,
        product_id=level.product_id,
        location=level.location.code,
        eta=tomorrow(),
    )
    order = hold(level, units)
    change_batch(batch_id=batch.pk, changes={"status": "cancelled"})
    return order
