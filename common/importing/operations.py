"""Bringing a file in, and saying what is to be done with it. The work itself: ``carrying_on``."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING, Final

from django.db.models import BinaryField, Count, Func
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from common.database import database_now, in_transaction
from common.errors import NotFound
from common.importing.errors import AnotherFile, NotNow, NotPermitted, RowsAreWrong
from common.importing.models import Import, ImportContent, ImportRow

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from uuid import UUID

Status = Import.Status
STOPPING: Final = {
    Status.CHECKING: Status.CANCELLED,
    Status.APPLYING: Status.STOPPED,
    Status.UNDOING: Status.STOPPED,
}


@in_transaction
def add_import(*, import_id: UUID, kind: str, name: str, content: bytes, actor: str) -> Import:
    """Keep a file that is to be checked; sent again under the same id, it is kept once.

    Refuses with AnotherFile where another one was sent under it, or by somebody else.

    Locks: nothing that is there (docs/locking.md).
    """
    file = Import(pk=import_id, kind=kind, name=name, uploaded_by=actor)
    Import.objects.bulk_create([file], ignore_conflicts=True)
    ImportContent.objects.bulk_create(
        [ImportContent(file=file, data=content)], ignore_conflicts=True
    )
    digest = Func("content__data", function="sha256", output_field=BinaryField())
    kept = Import.objects.annotate(digest=digest).get(pk=import_id)
    sent = (kind, actor, sha256(content).digest())
    if (kept.kind, kept.uploaded_by, bytes(kept.digest)) != sent:
        raise AnotherFile(_("This form has been applied already. Open it anew for another one."))
    return kept


@in_transaction
def start_applying(
    *,
    import_id: UUID,
    actor: str,
    leaves_out_wrong: bool = False,
    permitted: Callable[[Import], bool] | None = None,
) -> Import:
    """Let the rows that are right be applied, or those that are left of them.

    Asked again, nothing more happens. ``permitted`` is asked of the file as it is under the lock,
    with its figures. Refuses with NotFound, NotNow, NotPermitted, and with RowsAreWrong unless
    wrong rows may be left out.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    _ask(permitted, file)
    if file.status in {Status.APPLYING, Status.APPLIED}:
        return file
    if file.status not in {Status.CHECKED, Status.STOPPED} or file.undone_by:
        raise NotNow(_("This file is not ready to be applied."), status=file.status)
    wrong = file.figures.get("wrong", 0)
    if wrong and not leaves_out_wrong:
        told = ngettext(
            "%(count)s row is wrong. Mend the file, or say that it is to be left out.",
            "%(count)s rows are wrong. Mend the file, or say that they are to be left out.",
            wrong,
        )
        raise RowsAreWrong(told % {"count": wrong}, attribute="leaves_out_wrong", count=wrong)
    file.applied_by = actor
    waiting = ImportRow.objects.filter(file=file, state="", action__in=["new", "change"])
    return begun(file, Status.APPLYING, waiting.count())


@in_transaction
def start_undoing(
    *, import_id: UUID, actor: str, permitted: Callable[[Import], bool] | None = None
) -> Import:
    """Let all that was applied be taken back; also what could not be taken back before.

    Asked again, nothing more happens. ``permitted`` is asked of the file as it is under the lock.
    Refuses with NotFound, NotNow and NotPermitted.

    Locks: the import, then its rows that were kept (docs/locking.md).
    """
    file = locked(import_id)
    _ask(permitted, file)
    if file.status == Status.UNDOING:
        return file
    if file.status not in {Status.APPLIED, Status.STOPPED, Status.UNDONE}:
        raise NotNow(_("Nothing of this file has been applied."), status=file.status)
    rows = ImportRow.objects.filter(file=file)
    rows.filter(state="kept").update(state="applied", problems=[])
    applied = rows.filter(state="applied").count()
    if not applied:
        raise NotNow(_("All that was applied has been undone."), status=file.status)
    file.undone_by = actor
    return begun(file, Status.UNDOING, applied)


@in_transaction
def stop(*, import_id: UUID) -> Import:
    """Stop what is being done with a file; what is done stays, and can be gone on with or undone.

    Refuses with NotFound. A file that nobody works on stays as it is.

    Locks: the import (docs/locking.md).
    """
    file = locked(import_id)
    if file.status not in STOPPING:
        return file
    file.status = STOPPING[Status(file.status)]
    file.figures = counted(file)
    return saved(file, ["status", "figures"])


def _ask(permitted: Callable[[Import], bool] | None, file: Import) -> None:
    if permitted is not None and not permitted(file):
        raise NotPermitted(_("You may not do all that these rows would do. Ask somebody who may."))


def locked(import_id: UUID) -> Import:
    """The import, kept from others who would take it further; or a refusal."""
    file = Import.objects.select_for_update(no_key=True).filter(pk=import_id).first()
    if file is None:
        raise NotFound(_("There is no such import."))
    return file


def begun(file: Import, status: str, rows_total: int) -> Import:
    file.status, file.rows_total, file.rows_done = status, rows_total, 0
    return saved(file, ["status", "rows_total", "rows_done", "applied_by", "undone_by"])


def saved(file: Import, names: Iterable[str]) -> Import:
    file.version += 1
    file.updated_at = database_now()
    file.save(update_fields=[*names, "version", "updated_at"])
    return file


def counted(file: Import) -> dict[str, int]:
    """How many rows there are of each action, and of each state that they are in."""
    rows = ImportRow.objects.filter(file=file).order_by()
    figures: dict[str, int] = {}
    for action, state, count in rows.values_list("action", "state").annotate(count=Count("pk")):
        figures[action] = figures.get(action, 0) + count
        if state:
            figures[state] = figures.get(state, 0) + count
    return figures
