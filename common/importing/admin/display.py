"""What the pages of imports show."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from common.backoffice.display import label
from common.importing.kinds import kinds
from common.importing.models import Import, ImportRow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.safestring import SafeString

TONES: Final = {
    "checking": "note",
    "failed": "out",
    "checked": "low",
    "cancelled": "plain",
    "applying": "note",
    "stopped": "low",
    "applied": "good",
    "undoing": "note",
    "undone": "plain",
}
ROW_TONES: Final = {
    "new": "good",
    "change": "note",
    "same": "plain",
    "wrong": "out",
    "applied": "good",
    "refused": "out",
    "undone": "plain",
    "kept": "low",
}
TABS: Final = {
    "wrong": gettext_lazy("Wrong"),
    "refused": gettext_lazy("Refused"),
    "kept": gettext_lazy("Not undone"),
    "change": gettext_lazy("Changed"),
    "new": gettext_lazy("New"),
    "same": gettext_lazy("The same"),
    "applied": gettext_lazy("Applied"),
    "undone": gettext_lazy("Undone"),
}
"""In the order in which somebody should look at them."""
STATES: Final = frozenset(ImportRow.State.values) - {""}


def title_of(file: Import) -> str:
    kind = kinds.get(file.kind)
    return str(kind.title) if kind else file.kind


def state(file: Import) -> SafeString:
    words = str(Import.Status(file.status).label)
    return label(words, tone=TONES[file.status])


def row_state(row: ImportRow) -> SafeString:
    """What has become of a row; before that, what it would do."""
    key = row.state or row.action
    return label(TABS[key], tone=ROW_TONES[key])


def tabs(figures: Mapping[str, int], chosen: str) -> list[dict[str, Any]]:
    """The rows by what they do or did, where there are any."""
    return [
        {
            "name": name,
            "title": title,
            "count": figures[name],
            "tone": ROW_TONES[name],
            "is_chosen": name == chosen,
        }
        for name, title in TABS.items()
        if figures.get(name)
    ]


def outcome(file: Import) -> str:
    """The figures in short, for the list: what matters at this point."""
    figures = file.figures
    if file.is_worked_on:
        return f"{file.rows_done} / {file.rows_total}"
    if file.status == Import.Status.CHECKED:
        names = ["new", "change", "same", "wrong"]
    else:
        names = ["applied", "refused", "undone", "kept"]
    told = [f"{figures[name]} {str(TABS[name]).lower()}" for name in names if figures.get(name)]
    return ", ".join(told) or "–"


def progress(file: Import, waiting: int | None = None) -> dict[str, Any]:
    """How far the work is, for the page's bar; about, while a file is being read."""
    done = file.rows_done if waiting is None else max(file.rows_total - waiting, 0)
    total = max(file.rows_total, done)
    words = {
        "checking": _("%(done)s of about %(total)s rows are checked."),
        "applying": _("%(done)s of %(total)s rows are applied."),
        "undoing": _("%(done)s of %(total)s rows are undone."),
    }.get(file.status, "")
    return {
        "is_worked_on": file.is_worked_on,
        "done": done,
        "total": total,
        "words": words % {"done": done, "total": total} if words else "",
    }


def read_as(file: Import) -> str:
    """How the file was read; a guess says so."""
    form = file.form
    if form.get("format") == "XLSX":
        return _("XLSX, sheet “%(sheet)s”") % {"sheet": form["sheet"]}
    if not form:
        return ""
    separator = {"comma": _("commas"), "semicolon": _("semicolons"), "tab": _("tabs")}
    told = _("CSV in %(encoding)s, parted by %(separator)s") % {
        "encoding": form["encoding"],
        "separator": separator[form["separator"]],
    }
    if form["encoding"] != "Windows-1252":
        return told
    return _("%(told)s. It is not UTF-8, so look at letters with accents.") % {"told": told}


def to_apply(figures: Mapping[str, int]) -> int:
    """Rows that are right and would change something."""
    return figures.get("new", 0) + figures.get("change", 0)


def apply_label(count: int) -> str:
    words = ngettext("Apply %(count)s row", "Apply %(count)s rows", count)
    return words % {"count": count}
