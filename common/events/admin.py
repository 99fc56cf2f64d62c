"""Events in the back office: what other systems are told, to be read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Q
from django.utils.html import format_html, format_html_join
from django.utils.translation import gettext_lazy

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import figure, moment, two_lines
from common.events.models import Event
from common.events.sequencing import number_events
from common.events.types import TYPES

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

SUBJECTS: Final = (
    "batches",
    "inventory",
    "ledger-checks",
    "products",
    "reservations",
    "webhook-endpoints",
)
"""What events are about. An index is by type and id, so that a search by id names them all."""


class TypeFilter(SimpleListFilter):
    """From the list of all types: to ask a large table which ones it has would take long."""

    title = gettext_lazy("type")
    parameter_name = "type__exact"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(name, name) for name in TYPES]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Event]) -> QuerySet[Event]:
        return queryset.filter(type=self.value()) if self.value() else queryset


@admin.register(Event)
class EventAdmin(ReadOnlyAdmin):
    list_display = ["number", "type", "subject", "at", "actor", "request_id"]
    list_filter = [TypeFilter]
    search_fields = ["subject_id"]  # asked in get_search_results
    search_help_text = gettext_lazy("Whole id of what it is about, or of the request")
    ordering = ["-sequence"]
    sortable_by = ["number"]
    fields = ["number", "type", "subject", "at", "actor", "request_id", "id", "shown_data"]
    readonly_fields = fields
    empty_advice = gettext_lazy("Every change of products, stock and orders will be listed here.")

    def get_queryset(self, request: HttpRequest) -> QuerySet[Event]:
        return super().get_queryset(request).exclude(sequence=None)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Events get their number from the relay; where none runs, from those who look."""
        number_events()
        return super().changelist_view(request, extra_context)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        number_events()
        return super().changeform_view(request, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        """What happened to just this thing; if nothing did, what just this request caused."""
        text = search_term.strip()
        if not text:
            return queryset, False
        about = Q(subject_type__in=SUBJECTS, subject_id=text.lower())
        found = queryset.filter(about)
        return (found if found.exists() else queryset.filter(request_id=text)), False

    @admin.display(description=gettext_lazy("Number"), ordering="sequence")
    def number(self, event: Event) -> SafeString:
        return figure(event.sequence or 0)

    @admin.display(description=gettext_lazy("Subject"))
    def subject(self, event: Event) -> SafeString:
        return two_lines(event.subject_type, event.subject_id)

    @admin.display(description=gettext_lazy("When"))
    def at(self, event: Event) -> SafeString | None:
        return moment(event.occurred_at)

    @admin.display(description=gettext_lazy("Data"))
    def shown_data(self, event: Event) -> SafeString | str:
        """Every figure by its name, in a table."""
        rows = format_html_join("", "<tr><th>{}</th><td>{}</td></tr>", figures(event.data))
        return format_html('<table class="so-table">{}</table>', rows) if event.data else "–"


def figures(data: Any, name: str = "") -> Iterator[tuple[str, str]]:
    """The values of a JSON document, each by its way from the top: ``lines.0.sku``."""
    inside = data.items() if isinstance(data, dict) else enumerate(data)
    for key, value in inside:
        path = f"{name}.{key}" if name else str(key)
        if isinstance(value, dict | list) and value:
            yield from figures(value, path)
        else:
            yield path, value if isinstance(value, str) else json.dumps(value)
