"""What stands on the pages of imports, and who may do what there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.translation import gettext

from common.backoffice.display import moment
from common.importing.admin import display
from common.importing.applying import WORKS
from common.importing.kinds import kinds
from common.importing.models import Import, ImportRow
from common.importing.operations import counted
from common.importing.writing import example_rows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from common.importing.kinds import Kind

ROWS_ON_A_PAGE: Final = 50
VIEW: Final = "importing.view_import"
ADD: Final = "importing.add_import"
UNDO: Final = "importing.undo_import"


def importable(user: Any) -> list[Kind]:
    """The kinds that somebody may import."""
    if not user.has_perm(ADD):
        return []
    return [kind for kind in kinds.values() if kind.may_import(user)]


def exportable(user: Any) -> list[Kind]:
    return [kind for kind in kinds.values() if kind.may_export(user)]


def seen_kinds(user: Any) -> list[Kind]:
    """The kinds whose imports somebody sees: those to import, or for a reader those to read."""
    if user.has_perm(ADD):
        return importable(user)
    return exportable(user) if user.has_perm(VIEW) else []


def may_apply(user: Any, file: Import) -> bool:
    kind = kinds.get(file.kind)
    return kind is not None and user.has_perm(ADD) and kind.may_apply(user, file.figures)


def may_stop(user: Any, file: Import) -> bool:
    return any(kind.name == file.kind for kind in importable(user))


def may_undo(user: Any, file: Import) -> bool:
    """Whether somebody may do what the rows say, and what taking them back does."""
    may = user.has_perm(UNDO) and may_apply(user, file)
    return may and kinds[file.kind].may_undo(user, file.figures)


def upload_context(offered: Sequence[Kind]) -> dict[str, Any]:
    """Each kind with its columns explained, and an example."""
    return {
        "kinds": [
            {
                "kind": kind,
                "columns": [
                    {
                        "name": name,
                        "about": gettext(column.about),
                        "is_needed": name in kind.needed,
                        "example": example,
                    }
                    for (name, column), example in zip(
                        kind.fields.items(), next(example_rows(kind)), strict=True
                    )
                ],
            }
            for kind in offered
        ]
    }


def file_context(request: HttpRequest, file: Import) -> dict[str, Any]:
    """The page of a file, with the rows that somebody has chosen to see."""
    figures = counted(file) if file.is_worked_on else file.figures
    tabs = display.tabs(figures, request.GET.get("show", ""))
    if tabs and not any(tab["is_chosen"] for tab in tabs):
        tabs[0]["is_chosen"] = True
    chosen = next((tab["name"] for tab in tabs if tab["is_chosen"]), "")
    page = Paginator(_rows(file, chosen), ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
    work = WORKS.get(file.status)
    return {
        "title": file.name,
        "file": file,
        "kind": kinds.get(file.kind),
        "kind_title": display.title_of(file),
        "state": display.state(file),
        "read_as": display.read_as(file),
        "created": moment(file.created_at),
        "applied": moment(file.applied_at),
        "undone": moment(file.undone_at),
        "tabs": tabs,
        "chosen": chosen,
        "page": page,
        "rows": [_shown(row, file.headings) for row in page],
        "progress": display.progress(file, work.rows(file.pk).count() if work else None),
        **_offers(request, file),
    }


def _offers(request: HttpRequest, file: Import) -> dict[str, Any]:
    """What this person can do with the file as it is now."""
    user, status, figures = request.user, Import.Status(file.status), file.figures
    done = sum(figures.get(name, 0) for name in ("applied", "refused", "undone", "kept"))
    left = display.to_apply(figures) - done
    may = may_apply(user, file)
    is_ready = status is Import.Status.CHECKED or (
        status is Import.Status.STOPPED and not file.undone_by
    )
    is_done = status in {Import.Status.APPLIED, Import.Status.STOPPED, Import.Status.UNDONE}
    undoable = figures.get("applied", 0) + figures.get("kept", 0)
    return {
        "apply_label": display.apply_label(left) if is_ready and left and may else "",
        "nothing_to_apply": status is Import.Status.CHECKED and not left,
        "lacks_permission": is_ready and bool(left) and not may,
        "may_stop": file.is_worked_on and may_stop(user, file),
        "may_undo": is_done and undoable > 0 and may_undo(user, file),
        "has_wrong": any(figures.get(name) for name in ("wrong", "refused", "kept")),
        "ledger": _ledger(user, file) if figures.get("applied") else "",
    }


def _ledger(user: Any, file: Import) -> str:
    """Where the movements of a file of counts are listed."""
    if file.kind != "counts" or not user.has_perm("inventory.view_stockmovement"):
        return ""
    return f"{reverse('admin:inventory_stockmovement_changelist')}?q={file.reference}"


def _rows(file: Import, chosen: str) -> QuerySet[ImportRow]:
    rows = ImportRow.objects.filter(file=file).order_by("row")
    return rows.filter(**{"state" if chosen in display.STATES else "action": chosen})


def _shown(row: ImportRow, headings: Sequence[str]) -> dict[str, Any]:
    return {
        "number": row.row,
        "key": row.key,
        "state": display.row_state(row),
        "differences": [
            {"column": column, "old": old, "new": new} for column, old, new in row.differences
        ],
        "problems": row.told,
        "cells": [(name, row.cells[name]) for name in headings if name in row.cells]
        if row.problems and not row.differences
        else [],
    }
