"""Applying count sheets: what was found becomes what is on hand, line by line, in the ledger."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.database import in_transaction
from common.errors import DomainError, Invalid, NotFound
from common.observability.refusals import count_refusal
from inventory import queries
from inventory.errors import BelowReserved
from inventory.models import CountLine, StockLevel
from inventory.operations.counts import locked_lines
from inventory.operations.ledger import Ledger, Why
from inventory.operations.promises import Source
from inventory.operations.sheets import check_open, close, locked_sheet
from inventory.rules import counts as rules
from inventory.rules.counts import How

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from uuid import UUID

    from inventory.models import CountSheet, StockMovement


@dataclass(frozen=True, slots=True)
class Settlement:
    """A line that is to be applied, and how; ``seen_version`` is the line as it was seen."""

    line_id: UUID
    how: How = How.SET
    seen_version: int | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """What became of a line: its movement, or the refusal."""

    line: CountLine
    movement: StockMovement | None = None
    refusal: DomainError | None = None
    was_settled: bool = False
    """It had been applied before: nothing was done."""


@in_transaction
def apply_lines(
    *,
    sheet_id: UUID,
    settlements: Sequence[Settlement],
    note: str = "",
    release_latest: bool = False,
) -> list[Settled]:
    """Bring stock levels to what was counted, each by one movement that is a count.

    Also where it makes no difference: the ledger then says that somebody has looked. The movement
    has the sheet's name for its reference, and the line's note, or ``note`` where it has none.
    ``release_latest`` takes the latest promises back where fewer units are there. A line is
    applied once; after the last one the sheet is closed. Returns what became of each line, in
    their order: a refusal (StaleQuantity, BelowReserved, QuantityLimit, NotFound, Invalid) keeps
    that line alone from being applied. Refuses with NotFound and Invalid as a whole.

    Locks: the sheet, its lines and then all levels of their products, each by primary key
    (docs/locking.md).
    """
    sheet = locked_sheet(sheet_id)
    lines = locked_lines(sheet_id, [each.line_id for each in settlements])
    open_lines = [line for line in lines.values() if line.movement_id is None]
    if open_lines:
        check_open(sheet)
    settling = _Settling(sheet, open_lines, note=note, release_latest=release_latest)
    settled = [settling.settled(lines[each.line_id], each) for each in settlements]
    settling.write()
    return settled


class _Settling:
    """Lines of a sheet and their stock, locked, and what is done to them."""

    def __init__(
        self, sheet: CountSheet, lines: Iterable[CountLine], *, note: str, release_latest: bool
    ) -> None:
        self._sheet = sheet
        self._note = note
        self._release_latest = release_latest
        ids = [line.stock_level_id for line in lines]
        levels = StockLevel.objects.filter(pk__in=ids)
        products = set(levels.values_list("product_id", flat=True))
        self._ledger = Ledger.locked(products)
        found = (one for pk in products for one in self._ledger.levels_of(pk))
        self._levels = {level.pk: level for level in found}
        self._applied: list[CountLine] = []

    def settled(self, line: CountLine, wanted: Settlement) -> Settled:
        if line.movement_id is not None:
            return Settled(line, was_settled=True)
        try:
            movement = self._settle(line, wanted)
        except DomainError as refusal:
            count_refusal("inventory", refusal)
            return Settled(line, refusal=refusal)
        self._applied.append(line)
        return Settled(line, movement)

    def _settle(self, line: CountLine, wanted: Settlement) -> StockMovement:
        if line.counted is None:
            raise Invalid("Nobody has counted it yet.")
        if wanted.seen_version not in {None, line.version}:
            raise Invalid(f"The count was changed meanwhile: it is {line.counted} now.")
        level = self._levels.get(line.stock_level_id)
        if level is None:
            raise NotFound("The product has been deleted. Its stock can only be read.")
        after = self._after(line, level, wanted.how)
        why = Why("count", self._sheet.name, line.note or self._note)
        movement = self._ledger.move(level, after - level.on_hand, why)
        line.movement = movement
        line.version += 1
        if level.reserved > level.on_hand:
            self._ledger.promises.free_latest(level.product_id, Source(level.pk, None))
        return movement

    def _after(self, line: CountLine, level: StockLevel, how: How) -> int:
        """What will be on hand; holds past their time are let go where they are in the way."""
        try:
            return self._decided(line, level, how)
        except BelowReserved:
            if not self._ledger.promises.free_overdue([level.product_id]):
                raise
        return self._decided(line, level, how)

    def _decided(self, line: CountLine, level: StockLevel, how: How) -> int:
        found = rules.Found(
            expected=line.expected,
            counted=line.counted or 0,
            on_hand=level.on_hand,
            reserved=level.reserved,
            has_moved=level.movement_count != line.seen_sequence,
        )
        try:
            return rules.settled(found, how, release_latest=self._release_latest)
        except BelowReserved as refusal:
            holds = self._ledger.levels_of(level.product_id)
            refusal.name(queries.holds_on(holds, level.location_id))
            raise

    def write(self) -> None:
        self._ledger.write()
        if not self._applied:
            return
        CountLine.objects.bulk_update(self._applied, ["movement", "version"])
        if not self._sheet.lines.filter(movement=None).exists():
            close(self._sheet)
