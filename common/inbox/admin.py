"""Messages that have been applied, in the back office: to be looked up, never to be edited."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import admin
from django.utils.translation import gettext_lazy

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import moment
from common.inbox.models import InboxMessage

if TYPE_CHECKING:
    from django.utils.safestring import SafeString


@admin.register(InboxMessage)
class InboxMessageAdmin(ReadOnlyAdmin):
    list_display = ["handled", "type", "subject", "source", "event_id", "occurred"]
    search_fields = ["event_id__exact", "subject__exact"]
    search_help_text = gettext_lazy("Id of the event, or what it is about")
    ordering = ["-handled_at"]
    fields = ["handled", "type", "subject", "source", "event_id", "occurred"]
    readonly_fields = fields
    empty_advice = gettext_lazy(
        "Every message from another system that has been applied will be listed here."
    )

    @admin.display(description=gettext_lazy("Handled"), ordering="handled_at")
    def handled(self, message: InboxMessage) -> SafeString | None:
        return moment(message.handled_at)

    @admin.display(description=gettext_lazy("Happened"), ordering="occurred_at")
    def occurred(self, message: InboxMessage) -> SafeString | None:
        return moment(message.occurred_at)
