"""What tests of count sheets share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from common.observability.context import acting_as
from inventory import operations
from inventory.operations import Entry, Settlement
from inventory.rules.counts import How

if TYPE_CHECKING:
    from inventory.models import CountLine, CountSheet, StockLevel
    from inventory.operations import Settled

SHEETS = "/admin/inventory/countsheet/"


def line_of(sheet: CountSheet, level: StockLevel) -> CountLine:
    return sheet.lines.get(stock_level=level)


def counted(sheet: CountSheet, level: StockLevel, units: int | None, *, note: str = "") -> None:
    """Somebody has found so many units."""
    entry = Entry(line_of(sheet, level).pk, units, note)
    with acting_as("bea"):
        operations.record_counts(sheet_id=sheet.pk, entries=[entry])


def applied(
    sheet: CountSheet, *levels: StockLevel, how: How = How.SET, **options: Any
) -> list[Settled]:
    """Bring these levels to what was counted of them."""
    settlements = [Settlement(line_of(sheet, level).pk, how) for level in levels]
    with acting_as("ana"):
        return operations.apply_lines(sheet_id=sheet.pk, settlements=settlements, **options)


def ledger(level: StockLevel) -> list[tuple[int, int, str]]:
    """What was done to a level after it was opened: change, units after it, reason."""
    rows = level.movements.order_by("sequence").filter(sequence__gt=1)
    return list(rows.values_list("delta", "on_hand_after", "reason"))
