"""The check of a file: its rows are read, judged and kept, some hundred in a transaction."""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext_noop as _

from common.database import in_transaction
from common.importing.judging import Judging
from common.importing.kinds import kinds
from common.importing.models import Import, ImportContent, ImportRow
from common.importing.operations import counted, locked, saved
from common.importing.problems import Problem, Unfit
from common.importing.reading import opened

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from common.importing.judging import Judging as Judge
    from common.importing.reading import Row, Sheet

AT_ONCE: Final = 500
NO_KIND: Final = Problem("", _("There is no such kind of rows any more."))


def check(file: Import) -> None:
    """Judge all rows that have not been judged, and say so; what cannot be read is told."""
    kind = kinds.get(file.kind)
    if kind is None:
        fail(import_id=file.pk, problem=NO_KIND)
        return
    try:
        sheet = opened(bytes(ImportContent.objects.get(pk=file.pk).data), kind)
        if _go_through(file, sheet, Judging(kind)):
            end_check(import_id=file.pk)
    except Unfit as unfit:
        fail(import_id=file.pk, problem=unfit.about())


def _go_through(file: Import, sheet: Sheet, judging: Judge) -> bool:
    """Whether all rows have been judged and kept, by us or by others before."""
    begin_check(import_id=file.pk, sheet=sheet)
    here = 0
    for rows in _some(sheet.rows):
        here += len(rows)
        done = keep_rows(import_id=file.pk, rows=rows, before=here - len(rows), judging=judging)
        if done is None:
            return False
    return True


def _some(rows: Iterable[Row]) -> Iterator[list[Row]]:
    left = iter(rows)
    while some := list(islice(left, AT_ONCE)):
        yield some


@in_transaction
def attempted(*, import_id: UUID) -> int:
    """Write down that a check is begun, before it is; which one that is since it came further.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status == Import.Status.CHECKING:
        file.attempts += 1
        saved(file, ["attempts"])
    return file.attempts


@in_transaction
def begin_check(*, import_id: UUID, sheet: Sheet) -> None:
    """Write down how the file was read, and about how many rows it has.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status == Import.Status.CHECKING:
        file.form, file.headings = sheet.form, sheet.headings
        file.rows_total = max(sheet.expected, file.rows_done)
        saved(file, ["form", "headings", "rows_total"])


@in_transaction
def keep_rows(*, import_id: UUID, rows: Sequence[Row], before: int, judging: Judge) -> int | None:
    """Judge rows and keep them, unless that has been done; None when nobody wants it any more.

    ``before`` is the number of rows before them in the file. Returns how many are kept.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status != Import.Status.CHECKING:
        return None
    if file.rows_done > before:
        judging.pass_by(rows)
        return file.rows_done
    ImportRow.objects.bulk_create(judging.judged(file, rows))
    file.rows_done, file.attempts = before + len(rows), 0
    file.rows_total = max(file.rows_total, file.rows_done)
    saved(file, ["rows_done", "rows_total", "attempts"])
    return file.rows_done


@in_transaction
def end_check(*, import_id: UUID) -> None:
    """All rows are kept: they can be looked at.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status != Import.Status.CHECKING:
        return
    if not file.rows_done:
        raise Unfit(_("There are no rows below the headings."))
    file.status, file.rows_total, file.figures = "checked", file.rows_done, counted(file)
    saved(file, ["status", "rows_total", "figures"])


@in_transaction
def fail(*, import_id: UUID, problem: Problem) -> None:
    """The file cannot be read: none of its rows stays.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status != Import.Status.CHECKING:
        return
    ImportRow.objects.filter(file=file).delete()
    changes: dict[str, Any] = {"status": "failed", "problem": problem.as_json(), "rows_done": 0}
    for name, value in changes.items():
        setattr(file, name, value)
    saved(file, changes)
