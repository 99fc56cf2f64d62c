"""Count sheets in the back office: made, filled in, printed, applied."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import path
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.backoffice.admins import QuickList
from common.backoffice.display import label, moment, two_lines
from common.backoffice.lists import QuickChangeList
from common.backoffice.refusals import busy_refused, sentences
from common.errors import DomainError
from inventory import operations
from inventory.admin.count_applying import apply
from inventory.admin.count_lines import FILTERS, NOTHING, Sight, lines_of, summaries
from inventory.admin.count_new import new_sheet
from inventory.admin.count_page import back_to, sheet_page, sight_of
from inventory.admin.count_steps import put_on_sheet, record, scan
from inventory.admin.filters import LocationFilter
from inventory.models import CountSheet

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.db.models import QuerySet
    from django.utils.safestring import SafeString


def close(model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """Nothing more is counted by the sheet."""
    try:
        with busy_refused():
            operations.close_sheet(sheet_id=sheet.pk)
    except DomainError as refusal:
        model_admin.message_user(request, next(sentences(refusal))[1], messages.ERROR)
    else:
        model_admin.log_change(request, sheet, _("Closed."))
        model_admin.message_user(request, _("The sheet is closed."), messages.SUCCESS)
    return back_to(request, sheet)


def printed(_model_admin: Any, request: HttpRequest, sheet: CountSheet) -> HttpResponse:
    """The sheet on paper: all lines, or those that are still to be counted."""
    show = "uncounted" if request.GET.get("show") == "uncounted" else ""
    context = {"sheet": sheet, "lines": lines_of(sheet).filter(FILTERS[show][1])}
    return TemplateResponse(request, "inventory/count_print.html", context)


@dataclass(frozen=True, slots=True)
class Step:
    """Something done with a sheet; ``name`` stands in its address."""

    name: str
    verb: str
    """Whose permission it takes: ``view``, ``change`` or ``apply`` count sheets."""
    act: Callable[[Any, HttpRequest, CountSheet], HttpResponse]
    is_page: bool = False
    """It can be looked at, too; the others lead back to the sheet."""


STEPS: Final = (
    Step("record", "change", record),
    Step("scan", "change", scan),
    Step("line", "change", put_on_sheet),
    Step("apply", "apply", apply, is_page=True),
    Step("close", "apply", close),
    Step("print", "view", printed, is_page=True),
)


class SheetList(QuickChangeList):
    """A page of sheets and how far they have come: one more query, however many they are."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        sheets: list[Any] = list(self.result_list)  # type: ignore[has-type]  # set by super()
        found = summaries(sheets)
        for sheet in sheets:
            sheet.summary = found.get(sheet.pk, NOTHING)
            sheet.sight = sight_of(request, sheet)
        self.result_list = sheets


@admin.register(CountSheet)
class CountSheetAdmin(QuickList):
    list_display = [
        "shown_name",
        "place",
        "progress",
        "differences",
        "shown_status",
        "made",
    ]
    list_display_links = ["shown_name"]
    sortable_by = ["made"]
    list_filter = ["status", ("location", LocationFilter)]
    list_per_page = 20
    search_fields = ["name__icontains"]
    search_help_text = gettext_lazy("Words of the name")
    ordering = ["-id"]
    add_label: Any = gettext_lazy("New count sheet")
    empty_advice: Any = gettext_lazy(
        "Make a sheet for a location, count what is there, and apply what differs."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[CountSheet]:
        return super().get_queryset(request).select_related("location")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return SheetList

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return new_sheet(self, request)

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        sheet = self.get_object(request, object_id)
        if not self.has_view_permission(request, sheet):
            raise PermissionDenied
        if sheet is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return sheet_page(self, request, sheet)

    def get_urls(self) -> list[Any]:
        """An address for each step, before those that take the rest for an id."""
        return [
            path(
                f"<path:object_id>/{step.name}/",
                self.admin_site.admin_view(partial(self.take, step)),
                name=f"inventory_countsheet_{step.name}",
            )
            for step in STEPS
        ] + super().get_urls()

    def take(self, step: Step, request: HttpRequest, object_id: str) -> HttpResponse:
        """Take a step with a sheet, if this person may."""
        sheet = self.get_object(request, object_id)
        if sheet is None:
            raise Http404
        may = request.user.has_perm(f"inventory.{step.verb}_countsheet")
        if not self.has_view_permission(request, sheet) or not (may or step.verb == "view"):
            raise PermissionDenied
        if request.method != "POST" and not step.is_page:
            return back_to(request, sheet)
        return step.act(self, request, sheet)

    @admin.display(description=gettext_lazy("Sheet"))
    def shown_name(self, sheet: CountSheet) -> SafeString:
        return two_lines(sheet.name, sheet.scope)

    @admin.display(description=gettext_lazy("Location"))
    def place(self, sheet: CountSheet) -> str:
        return sheet.location.name

    @admin.display(description=gettext_lazy("Counted"))
    def progress(self, sheet: Any) -> str:
        figures = {"counted": sheet.summary["counted_lines"], "total": sheet.summary["total"]}
        return _("%(counted)s of %(total)s") % figures

    @admin.display(description=gettext_lazy("Differences"))
    def differences(self, sheet: Any) -> SafeString | str:
        return differences(sheet.summary, sheet.sight)

    @admin.display(description=gettext_lazy("Status"))
    def shown_status(self, sheet: CountSheet) -> SafeString:
        if sheet.status == CountSheet.Status.OPEN:
            return label(_("Open"), tone="note")
        return label(_("Closed"), tone="plain")

    @admin.display(description=gettext_lazy("Made"), ordering="id")
    def made(self, sheet: CountSheet) -> SafeString:
        return two_lines(moment(sheet.created_at), sheet.actor)


def differences(summary: dict[str, int], sight: Sight) -> SafeString | str:
    """Lines that differ, and how many units more and fewer were found on them."""
    if not sight.is_whole:
        return _("blind")
    if not summary["differing"]:
        return "0"
    return format_html(
        '{} <span class="so-figure so-more">+{}</span> <span class="so-figure so-less">−{}</span>',
        summary["differing"],
        summary["more"],
        summary["fewer"],
    )
