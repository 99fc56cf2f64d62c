"""Applying a count sheet: shown first, then done, as far as it goes."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.contrib import messages
from django.db.models import BooleanField, ExpressionWrapper
from django.http import QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget, UnfoldBooleanWidget

from common.api.parameters import DIGITS
from common.backoffice.forms import StaffForm
from common.backoffice.refusals import busy_refused, sentences
from common.database import database_now
from common.errors import DomainError
from inventory import operations
from inventory.admin.count_entries import sent_with
from inventory.admin.count_lines import HAS_MOVED, IS_WAITING, Row, lines_of, rows_of, uuid_in
from inventory.admin.count_outcomes import Outcome
from inventory.admin.count_page import back_to, kept_query, sheet_page, sight_of
from inventory.admin.count_steps import recorded_of, tell
from inventory.operations import Settlement
from inventory.rules.counts import How

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse

    from inventory.models import CountLine, CountSheet

AT_ONCE: Final = 250
"""Lines that are applied in one transaction."""
LONGEST: Final = 20.0
"""Seconds after which no further transaction is begun: a browser waits for the answer."""
MOST_SHOWN: Final = 200
LEAVE: Final = "leave"


class ApplyForm(StaffForm, forms.Form):
    """How the lines that were shown are to be applied.

    ``lines`` names them with the versions that were seen; without it all are meant that had been
    counted by the moment ``until``.
    """

    moved = forms.ChoiceField(
        required=False,
        initial=LEAVE,
        label=gettext_lazy("Lines whose stock has moved since"),
        choices=[
            (LEAVE, gettext_lazy("Leave them for now")),
            (How.DIFFERENCE.value, gettext_lazy("Apply my difference to what is there now")),
            (How.ANYWAY.value, gettext_lazy("Set them to what was counted anyway")),
        ],
        widget=forms.RadioSelect,
    )
    release_latest = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Take promises back where fewer are there"),
        help_text=gettext_lazy(
            "The latest first. Their orders get other stock at once, or the next that comes."
        ),
    )
    note = forms.CharField(
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        label=gettext_lazy("Reason"),
        help_text=gettext_lazy("Kept with each line that has no note of its own."),
    )
    lines = forms.CharField(required=False, widget=forms.HiddenInput)
    until = forms.CharField(required=False, widget=forms.HiddenInput)
    sure = forms.CharField(initial="yes", widget=forms.HiddenInput)

    def clean_until(self) -> datetime | None:
        """The moment; a page always gives it as it was given to the page."""
        text = self.cleaned_data["until"]
        moment = _moment_in(text)
        if text and moment is None:
            raise forms.ValidationError(_("Open this page anew."))
        return moment


def _moment_in(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo else None


def apply(model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """Ask before lines are applied, and apply them; a line that has moved is settled at once."""
    if request.method != "POST":
        form = ApplyForm(initial={"until": database_now().isoformat()})
        return _asked(model_admin, request, sheet, form)
    if "sure" in request.POST:
        form = ApplyForm(request.POST)
        if not form.is_valid():
            return _asked(model_admin, request, sheet, form)
        _apply(model_admin, request, sheet, _Chosen.by(sheet, form.cleaned_data))
        return back_to(request, sheet)
    if settle := request.POST.get("settle"):
        _apply(model_admin, request, sheet, _Chosen(list(_settlements_in(settle))))
        return back_to(request, sheet)
    return _asked_of_some(model_admin, request, sheet)


def _asked_of_some(model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """Ask about the lines that were ticked, after keeping what was entered on the same page."""
    if request.user.has_perm("inventory.change_countsheet"):
        sent = sent_with(request.POST)
        recorded, refusal = recorded_of(sheet, sent)
        tell(model_admin, request, recorded, refusal)
        if refusal:
            sent.give_back()
        if sent.wrong or refusal:
            request.GET = QueryDict(kept_query(QueryDict(request.POST.get("query", ""))))
            return sheet_page(model_admin, request, sheet, sent)
    ticked = [uuid_in(text) for text in request.POST.getlist("pick")]
    rows = lines_of(sheet).filter(IS_WAITING, pk__in=filter(None, ticked))
    lines = ",".join(f"{pk}:{version}" for pk, version in rows.values_list("pk", "version"))
    if not lines:
        advice = _("Tick the lines to apply; they must have been counted.")
        model_admin.message_user(request, advice, messages.WARNING)
        return back_to(request, sheet)
    return _asked(model_admin, request, sheet, ApplyForm(initial={"lines": lines}))


def _asked(
    model_admin: Any, request: HttpRequest, sheet: CountSheet, form: ApplyForm
) -> HttpResponse:
    """What would be changed, before it is."""
    until = _moment_in(form["until"].value() or "")
    lines = _lines(sheet, form["lines"].value() or "", until)
    preview = Preview.of(rows_of(lines, sight_of(request, sheet)))
    if not preview.are_taken_back:
        del form.fields["release_latest"]
    back = reverse("admin:inventory_countsheet_change", args=[sheet.pk])
    context = model_admin.admin_site.each_context(request) | {
        "title": _("Apply counts"),
        "content_title": _("Apply counts"),
        "opts": model_admin.opts,
        "original": sheet,
        "sheet": sheet,
        "form": form,
        "preview": preview,
        "query": kept_query(QueryDict(request.POST.get("query", ""))),
        "back": back,
    }
    return TemplateResponse(request, "inventory/count_apply.html", context)


@dataclass(frozen=True, slots=True)
class Preview:
    """What the lines that are about to be applied would change."""

    lines: int
    differing: list[Row]
    moved: list[Row]
    refused: list[Row]
    more: int
    fewer: int

    @classmethod
    def of(cls, rows: list[Row]) -> Preview:
        still = [row for row in rows if not row.has_moved]
        changes = [row.difference or 0 for row in still]
        return cls(
            lines=len(rows),
            differing=[row for row in still if row.difference],
            moved=[row for row in rows if row.has_moved],
            refused=[row for row in rows if row.is_refused],
            more=sum(change for change in changes if change > 0),
            fewer=-sum(change for change in changes if change < 0),
        )

    @property
    def same(self) -> int:
        return self.lines - len(self.differing) - len(self.moved)

    @property
    def shown(self) -> list[Row]:
        return [*self.moved, *self.differing][:MOST_SHOWN]

    @property
    def unshown(self) -> int:
        return len(self.moved) + len(self.differing) - len(self.shown)

    @property
    def are_taken_back(self) -> bool:
        """Whether promises are in the way of any line, or might be once it is applied."""
        return bool(self.refused) or any(row.found.reserved for row in self.moved)


@dataclass(frozen=True, slots=True)
class _Chosen:
    settlements: list[Settlement]
    left: int = 0
    """Lines that have moved, and that nobody has said anything about."""
    note: str = ""
    release_latest: bool = False

    @classmethod
    def by(cls, sheet: CountSheet, asked: dict[str, Any]) -> _Chosen:
        """What the form about many lines says of each."""
        rows = _lines(sheet, asked["lines"], asked["until"]).annotate(
            has_moved=ExpressionWrapper(HAS_MOVED, BooleanField())
        )
        found = list(rows.values_list("pk", "version", "has_moved"))
        seen = dict(_versions_in(asked["lines"]))
        leaves = asked["moved"] in {"", LEAVE}
        settlements = [
            Settlement(pk, How(asked["moved"]) if moved else How.SET, seen.get(pk, version))
            for pk, version, moved in found
            if not (moved and leaves)
        ]
        return cls(
            settlements,
            left=len(found) - len(settlements),
            note=asked["note"],
            release_latest=asked.get("release_latest", False),
        )


def _lines(sheet: CountSheet, named: str, until: datetime | None) -> QuerySet[CountLine]:
    """The lines that are named, or all that had been counted by a moment."""
    waiting = lines_of(sheet).filter(IS_WAITING)
    if named:
        return waiting.filter(pk__in=dict(_versions_in(named)))
    return waiting.filter(counted_at__lte=until) if until else waiting.none()


def _versions_in(named: str) -> Iterator[tuple[UUID, int]]:
    for part in named.split(","):
        pk, _colon, version = part.partition(":")
        if (line_id := uuid_in(pk)) and DIGITS.fullmatch(version):
            yield line_id, int(version)


def _settlements_in(text: str) -> Iterator[Settlement]:
    """The line of a button, its version, and how to apply it."""
    named, _colon, how = text.rpartition(":")
    for line_id, version in _versions_in(named):
        if how in {each.value for each in How}:
            yield Settlement(line_id, How(how), version)


def _apply(model_admin: Any, request: HttpRequest, sheet: CountSheet, chosen: _Chosen) -> None:
    """Apply lines, some in each transaction, and say what has become of them.

    Whatever is interrupted can be done again: each line is applied once.
    """
    outcome = Outcome(left=chosen.left)
    ends = monotonic() + LONGEST
    for begin in range(0, len(chosen.settlements), AT_ONCE):
        part = chosen.settlements[begin : begin + AT_ONCE]
        if monotonic() > ends:
            outcome.unreached = len(chosen.settlements) - begin
            break
        try:
            with busy_refused():
                outcome.add(
                    operations.apply_lines(
                        sheet_id=sheet.pk,
                        settlements=part,
                        note=chosen.note,
                        release_latest=chosen.release_latest,
                    )
                )
        except DomainError as refusal:
            model_admin.message_user(request, next(sentences(refusal))[1], messages.ERROR)
            break
    outcome.tell(model_admin, request, sheet)
