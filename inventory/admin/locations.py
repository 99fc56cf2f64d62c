"""Locations in the back office."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import figure, two_lines
from common.backoffice.forms import OperationForm
from inventory import operations
from inventory.admin.labels import LocationLabelAdmin
from inventory.models import Location

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


class LocationForm(OperationForm):
    class Meta:
        model = Location
        fields = ("code", "name", "priority", "is_active")
        help_texts = {
            "code": gettext_lazy("Short, for programs and labels: letters, digits and - _ ."),
            "priority": gettext_lazy("Stock is taken from locations with a lower number first."),
            "is_active": gettext_lazy("An inactive location supplies nothing new."),
        }


@admin.register(Location)
class LocationAdmin(LocationLabelAdmin, OperationsAdmin):
    form = LocationForm
    fields = ["code", "name", "priority", "is_active"]
    list_display = ["shown_name", "shown_priority", "active", "its_stock"]
    search_fields = ["code", "name"]
    search_help_text = gettext_lazy("Code or name")
    ordering = ["priority", "code"]
    empty_advice = gettext_lazy("Add the places that hold your stock.")
    deletion_advice = gettext_lazy(
        "Only a location that never held stock can be deleted. One that did can be made inactive."
    )

    def create(self, values: dict[str, Any]) -> Location:
        return operations.create_location(**values)

    def change(self, row: Location, changes: dict[str, Any], seen_version: int) -> None:
        operations.change_location(
            location_id=row.pk, changes=changes, expected_version=seen_version
        )

    def remove(self, row: Location) -> None:
        operations.delete_location(location_id=row.pk)

    @admin.display(description=gettext_lazy("Location"), ordering="name")
    def shown_name(self, location: Location) -> SafeString:
        return two_lines(location.name, location.code)

    @admin.display(description=gettext_lazy("Priority"), ordering="priority")
    def shown_priority(self, location: Location) -> SafeString:
        return figure(location.priority)

    @admin.display(description=pgettext_lazy("location", "Active"), boolean=True)
    def active(self, location: Location) -> bool:
        return location.is_active

    @admin.display(description=gettext_lazy("Stock"))
    def its_stock(self, location: Location) -> SafeString:
        address = reverse("admin:inventory_stocklevel_changelist")
        return format_html(
            '<a class="so-link" href="{}?location__id__exact={}">{}</a>',
            address,
            location.pk,
            _("Show stock"),
        )
