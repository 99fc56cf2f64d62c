"""What people find on the shelves, written into count sheets: by several of them at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from common.database import database_now, in_transaction
from common.errors import Invalid, NotFound
from common.observability.context import current
from inventory import rules
from inventory.models import CountLine
from inventory.operations.sheets import kept_open

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from datetime import datetime
    from uuid import UUID


@dataclass(frozen=True, slots=True)
class Entry:
    """What somebody writes into a line; no number takes back what was counted.

    ``seen_version`` is the line's version that they saw.
    """

    line_id: UUID
    counted: int | None
    note: str = ""
    seen_version: int | None = None


@dataclass(frozen=True, slots=True)
class Recorded:
    """What became of an entry: the line now, and what stood there."""

    line: CountLine
    before: int | None
    before_by: str
    is_late: bool
    """The line has been applied: nothing was written."""
    was_changed_meanwhile: bool
    """Somebody else had written since; the last word counts."""


@in_transaction
def record_counts(*, sheet_id: UUID, entries: Sequence[Entry]) -> list[Recorded]:
    """Write what was counted into lines of an open sheet. Units on the shelf, also reserved ones.

    Several people may: each line keeps the last word, and whoever overwrote another's is told.
    The same entry twice is one; a line that has been applied stays as it is. Refuses with NotFound
    and Invalid.

    Locks: the sheet against closing, the lines by primary key (docs/locking.md).
    """
    kept_open(sheet_id)
    lines = locked_lines(sheet_id, [entry.line_id for entry in entries])
    now = database_now()
    recorded = [_recorded(lines[entry.line_id], entry, now) for entry in entries]
    _write(lines.values())
    return recorded


def _recorded(line: CountLine, entry: Entry, now: datetime) -> Recorded:
    """Write an entry into a line, in memory."""
    before, before_by = line.counted, line.counted_by
    is_news = (line.counted, line.note) != (entry.counted, entry.note)
    is_late = line.movement_id is not None
    is_stale = entry.seen_version not in {None, line.version}
    if is_news and not is_late:
        line.note = entry.note
        if line.counted != entry.counted:
            _count(line, entry.counted, now)
        line.version += 1
    return Recorded(line, before, before_by, is_late and is_news, is_stale and is_news)


def _count(line: CountLine, counted: int | None, now: datetime) -> None:
    line.counted = counted
    line.counted_by = "" if counted is None else current().actor
    line.counted_at = None if counted is None else now


@in_transaction
def add_to_count(*, sheet_id: UUID, line_id: UUID, units: int = 1) -> CountLine:
    """Count so many units more: each scan is one. It commutes with what others scan.

    Refuses with NotFound, QuantityLimit, and Invalid when sheet or line are done with.

    Locks: the sheet against closing, the line (docs/locking.md).
    """
    kept_open(sheet_id)
    line = locked_lines(sheet_id, [line_id])[line_id]
    if line.movement_id is not None:
        raise Invalid("This line has been applied already.")
    counted = (line.counted or 0) + units
    rules.check_limit(counted)
    _count(line, counted, database_now())
    line.version += 1
    _write([line])
    return line


def _write(lines: Collection[CountLine]) -> None:
    fields = ["counted", "counted_by", "counted_at", "note", "version"]
    CountLine.objects.bulk_update(lines, fields)


def locked_lines(sheet_id: UUID, line_ids: Collection[UUID]) -> dict[UUID, CountLine]:
    """These lines of a sheet, locked in primary-key order; refuses with NotFound."""
    rows = CountLine.objects.filter(sheet=sheet_id, pk__in=set(line_ids)).order_by("pk")
    lines = {line.pk: line for line in rows.select_for_update(of=("self",), no_key=True)}
    if lines.keys() != set(line_ids):
        raise NotFound("There is no such line on this sheet.")
    return lines
