"""The audit trail in the back office: one list of who changed what, old and new."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Q
from django.urls import NoReverseMatch, reverse
from django.utils.formats import date_format
from django.utils.html import format_html
from django.utils.timezone import localdate, make_aware
from django.utils.translation import gettext_lazy as _

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import moment, two_lines
from common.people import history
from common.people.models import AuditEntry

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

DAYS_OFFERED: Final = 7
SUBJECTS: Final = {
    "products.product": _("Product"),
    "products.category": _("Category"),
    "inventory.stocklevel": _("Stock level"),
    "inventory.location": _("Location"),
    "inventory.countsheet": _("Count sheet"),
    "access.apikey": _("API key"),
    "webhooks.webhookendpoint": _("Webhook"),
    "auth.user": _("User"),
    "auth.group": _("Group"),
}


class SubjectFilter(SimpleListFilter):
    title = _("kind")
    parameter_name = "kind"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return list(SUBJECTS.items())

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]):
        return queryset.filter(subject_type=self.value()) if self.value() else queryset


class PersonFilter(SimpleListFilter):
    """One person or program: whoever the list names is chosen from there."""

    title = _("person")
    parameter_name = "person"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Oneself, and whoever is chosen now."""
        me, chosen = request.user.get_username(), self.used_parameters.get(self.parameter_name)
        names = dict.fromkeys(name for name in (me, str(chosen or "")) if name)
        return [(name, name) for name in names]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]):
        return queryset.filter(actor=self.value()) if self.value() else queryset


class DayFilter(SimpleListFilter):
    """One day of the server's time zone: of the last week, or any that the address names."""

    title = _("day")
    parameter_name = "day"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        days = [localdate() - timedelta(days=n) for n in range(DAYS_OFFERED)]
        if (chosen := self._day()) is not None and chosen not in days:
            days.append(chosen)
        return [(day.isoformat(), date_format(day, "D j M Y")) for day in days]

    def queryset(self, request: HttpRequest, queryset: QuerySet[AuditEntry]):
        day = self._day()
        if day is None:
            return queryset
        begins = make_aware(datetime.combine(day, time.min))
        ends = make_aware(datetime.combine(day + timedelta(days=1), time.min))
        return queryset.filter(occurred_at__gte=begins, occurred_at__lt=ends)

    def _day(self) -> date | None:
        """The day asked for; None where it is none, or one that has no day before or after it."""
        try:
            day = date.fromisoformat(str(self.used_parameters.get(self.parameter_name)))
        except ValueError:
            return None
        return day if date.min < day < date.max else None


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    list_display = ["when", "who", "what", "shown_action", "shown_changes"]
    list_display_links = ["when"]
    sortable_by: list[str] = []
    list_filter = [SubjectFilter, PersonFilter, DayFilter, "door"]
    search_fields = ["actor", "subject_id"]  # asked in get_search_results
    search_help_text = _("Exact name of a person or program, SKU, name or id of what was changed")
    ordering = ["-occurred_at"]
    empty_advice = _("Whatever somebody changes is listed here, with what it was before.")
    fields = ["when", "who", "what", "shown_action", "shown_changes", "request_id"]

    def get_search_results(self, request: HttpRequest, queryset: Any, search_term: str):
        text = search_term.strip()
        if not text:
            return queryset, False
        is_it = Q(actor=text) | Q(subject_id=text) | Q(subject_text=text)
        return queryset.filter(is_it), False

    @admin.display(description=_("When"), ordering="occurred_at")
    def when(self, entry: AuditEntry) -> SafeString | None:
        return moment(entry.occurred_at)

    @admin.display(description=_("Who"))
    def who(self, entry: AuditEntry) -> SafeString:
        address = reverse("admin:people_auditentry_changelist")
        return two_lines(
            format_html(
                '<a class="so-link" href="{}">{}</a>',
                f"{address}?{urlencode({PersonFilter.parameter_name: entry.actor})}",
                entry.actor,
            ),
            entry.get_door_display(),
        )

    @admin.display(description=_("What"))
    def what(self, entry: AuditEntry) -> SafeString:
        kind = SUBJECTS.get(entry.subject_type, entry.subject_type)
        return two_lines(_link(entry), kind)

    @admin.display(description=_("Action"))
    def shown_action(self, entry: AuditEntry) -> str:
        return entry.get_action_display()

    @admin.display(description=_("Changes"))
    def shown_changes(self, entry: AuditEntry) -> SafeString:
        return history.changes(entry)


def _link(entry: AuditEntry) -> SafeString | str:
    """Its page; of what is gone, and of what has no page, the name."""
    label = entry.subject_type.replace(".", "_")
    try:
        apps.get_model(entry.subject_type)
        address = reverse(f"admin:{label}_change", args=[entry.subject_id])
    except (LookupError, NoReverseMatch):
        return entry.subject_text
    if entry.action == AuditEntry.Action.DELETED:
        return entry.subject_text
    return format_html('<a class="so-link" href="{}">{}</a>', address, entry.subject_text)
