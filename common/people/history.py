"""The audit trail as pages show it: of one row, and of all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext as _

from common.backoffice.display import moment, two_lines
from common.people.models import AuditEntry

if TYPE_CHECKING:
    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

MOST_SHOWN: Final = 100
MOST_CHANGES: Final = 20
LONGEST: Final = 200


class WithTrail:
    """A row's history page shows who changed what of it, old and new, through every door."""

    object_history_template: Any = "people/object_history.html"

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        model: type[Model] = self.model  # type: ignore[attr-defined]  # an admin's
        trail = [shown(entry) for entry in of_row(model, object_id)[:MOST_SHOWN]]
        context = {"trail": trail, "most": MOST_SHOWN} | (extra_context or {})
        page: HttpResponse = super().history_view(request, object_id, context)  # type: ignore[misc]
        return page


def of_row(model: type[Model], object_id: str) -> QuerySet[AuditEntry]:
    """What was changed of a row, the latest first."""
    label = model._meta.label_lower  # noqa: SLF001  public in all but its name
    rows = AuditEntry.objects.filter(subject_type=label, subject_id=object_id)
    return rows.order_by("-occurred_at", "-id")


def shown(entry: AuditEntry) -> dict[str, Any]:
    """An entry as tables show it."""
    return {
        "when": moment(entry.occurred_at),
        "who": actor(entry),
        "action": entry.get_action_display(),
        "changes": changes(entry),
    }


def actor(entry: AuditEntry) -> SafeString:
    return two_lines(entry.actor, entry.get_door_display())


def changes(entry: AuditEntry) -> SafeString:
    """Each field on a line, old and new."""
    is_new = entry.action == AuditEntry.Action.ADDED
    told = [one for one in entry.changes if not (is_new and _is_masked(one))]
    lines: list[str] = [_line(one) for one in told[:MOST_CHANGES]]
    if len(told) > MOST_CHANGES:
        lines.append(_("and %(count)s more") % {"count": len(told) - MOST_CHANGES})
    return format_html_join("", '<span class="so-change">{}</span>', ((line,) for line in lines))


def _is_masked(change: dict[str, Any]) -> bool:
    """It is secret or personal: that it changed is all that is known of it."""
    return "old" not in change and "new" not in change


def _line(change: dict[str, Any]) -> SafeString:
    name = _(change["field"].replace("_", " "))
    if _is_masked(change):
        return format_html("{}: {}", name, _("changed"))
    if change.get("old") is None:
        return format_html("{}: <ins>{}</ins>", name, _word(change.get("new")))
    return format_html(
        "{}: <del>{}</del> → <ins>{}</ins>", name, _word(change["old"]), _word(change.get("new"))
    )


def _word(value: Any) -> str:
    match value:
        case None | "" | []:
            return "–"
        case bool():
            return _("yes") if value else _("no")
        case list():
            value = ", ".join(map(str, value))
    text = str(value)
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"
