"""The rows of a file applied or taken back: each with its state in one transaction, each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.db import InterfaceError, OperationalError, transaction
from django.utils.translation import gettext_noop as _

from common.backoffice.refusals import Busy, busy_refused
from common.database import database_now, in_transaction
from common.errors import DomainError
from common.importing.judging import cleaned
from common.importing.kinds import Job, Kind, kinds
from common.importing.models import Import, ImportRow
from common.importing.operations import counted, locked, saved
from common.importing.problems import Problem
from common.observability.context import acting_as, current
from common.observability.logs import get_logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from uuid import UUID

    from django.db.models import QuerySet

logger = get_logger(__name__)

AT_ONCE: Final = 100
TRIES: Final = 3
"""To get at a row that somebody holds, before that is told."""
OUR_FAULT: Final = Problem(
    "", _("Something went wrong here, which is not the file's fault. It has been logged.")
)
STALE: Final = _("It has been changed since the file was checked. Import the row again.")


@dataclass(frozen=True, slots=True)
class Work:
    """Rows go from one state into another; where that is refused, into a third."""

    status: str
    before: str
    done: str
    refused: str
    after: str
    order: str
    act: Callable[[Kind, Job], dict[str, Any] | None]

    def rows(self, file_id: UUID) -> QuerySet[ImportRow]:
        rows = ImportRow.objects.filter(
            file=file_id, state=self.before, action__in=["new", "change"]
        )
        return rows.order_by(self.order)


APPLY: Final = Work(
    "applying", "", "applied", "refused", "applied", "row", lambda kind, job: kind.apply(job)
)
UNDO: Final = Work(
    "undoing", "applied", "undone", "kept", "undone", "-row", lambda kind, job: kind.undo(job)
)
WORKS: Final = {work.status: work for work in (APPLY, UNDO)}


def go_through(file: Import, work: Work) -> Iterator[int]:
    """Settle the rows that are to be settled, one after the other; yields after each.

    On behalf of the person who said so. Rows that another worker has in hand are left to it.
    """
    actor = file.applied_by if work is APPLY else file.undone_by
    with acting_as(actor, current().request_id or None):
        seen: list[int] = []
        while found := _next(file.pk, work, seen):
            for pk, number in found:
                _settle(pk, work)
                seen = [number]
                yield number


def _next(file_id: UUID, work: Work, seen: list[int]) -> list[tuple[UUID, int]]:
    rows = work.rows(file_id)
    if seen:
        side = "row__lt" if work.order.startswith("-") else "row__gt"
        rows = rows.filter(**{side: seen[-1]})
    return list(rows.values_list("pk", "row")[:AT_ONCE])


def _settle(row_id: UUID, work: Work) -> None:
    """One row, whatever becomes of it: nothing that is wrong with it stops the others."""
    for attempt in range(1, TRIES + 1):
        try:
            with busy_refused():
                settle_row(row_id=row_id, work=work)
        except Busy as refusal:
            if attempt == TRIES:
                refuse_row(row_id=row_id, work=work, problem=Problem("", refusal.detail))
        except (OperationalError, InterfaceError):
            raise  # the database is gone: the task is tried again
        except Exception:
            logger.exception("import_row_failed", row=str(row_id))
            refuse_row(row_id=row_id, work=work, problem=OUR_FAULT)
            return
        else:
            return


@in_transaction
def settle_row(*, row_id: UUID, work: Work) -> None:
    """Apply a row or take it back, and write down what has become of it, together.

    Nothing happens to a row that has been settled, is held by another worker, or whose file is
    not worked on any more.

    Locks: the row, skipped when another has it; then what its operation locks (docs/locking.md).
    """
    row = _claimed(row_id, work)
    if row is None:
        return
    kind = kinds[row.file.kind]
    try:
        with transaction.atomic():  # the operations of a row are done together, or none is
            touched = work.act(kind, _job(kind, row))
    except DomainError as refusal:
        _write(row, work.refused, [_told(each) for each in refusal.problems])
    else:
        row.touched = touched if touched is not None else row.touched
        _write(row, work.done, [])


@in_transaction
def refuse_row(*, row_id: UUID, work: Work, problem: Problem) -> None:
    """Write down why a row could not be settled.

    Locks: the row (docs/locking.md).
    """
    row = _claimed(row_id, work)
    if row is not None:
        _write(row, work.refused, [problem])


def _claimed(row_id: UUID, work: Work) -> ImportRow | None:
    rows = ImportRow.objects.filter(pk=row_id, state=work.before, file__status=work.status)
    rows = rows.select_related("file")
    return rows.select_for_update(of=("self",), skip_locked=True, no_key=True).first()


def _job(kind: Kind, row: ImportRow) -> Job:
    values, _problems = cleaned(kind, row.cells)  # there were none when it was checked
    note = f"{row.file.name}, {row.row}"
    return Job(row.action, values, row.seen, row.touched, row.file.reference, note[:1000])


def _told(refusal: DomainError) -> Problem:
    stale = {"precondition_failed", "stale_quantity"}
    message = STALE if refusal.code in stale else refusal.detail
    return Problem(refusal.attribute or "", message)


def _write(row: ImportRow, state: str, problems: list[Problem]) -> None:
    row.state = state
    row.problems = [problem.as_json() for problem in problems]
    row.save(update_fields=["state", "problems", "touched"])


@in_transaction
def end_work(*, import_id: UUID, work: Work) -> bool:
    """Write down how far the work is; whether no row is left of it.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status != work.status:
        return True
    left = work.rows(import_id).count()
    file.figures = counted(file)  # after it: once no row is left, these change no more
    file.rows_done = max(file.rows_total - left, 0)
    changed = ["figures", "rows_done"]
    if not left:
        moment = f"{work.after}_at"
        file.status = work.after
        setattr(file, moment, database_now())
        changed += ["status", moment]
    saved(file, changed)
    return not left
