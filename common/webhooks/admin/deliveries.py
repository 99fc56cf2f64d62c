"""Deliveries in the back office: what was sent, what was answered, and sending it again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.contrib import admin, messages
from django.contrib.admin import RelatedFieldListFilter
from django.contrib.admin.utils import model_ngettext
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.http import Http404
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, ngettext

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import figure, link, moment, two_lines
from common.backoffice.refusals import busy_refused, sentences
from common.errors import DomainError
from common.webhooks import operations
from common.webhooks.admin.display import (
    CHANGE,
    answer,
    delivery_state,
    last_answer,
    url_in_short,
)
from common.webhooks.models import WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

MOST_AT_ONCE = 1_000


class EndpointFilter(RelatedFieldListFilter):
    """The endpoints that are still there, by their URLs."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[Any]:
        living = WebhookEndpoint.objects.filter(deleted_at=None)
        return list(living.order_by("url").values_list("pk", "url"))


@admin.register(WebhookDelivery)
class WebhookDeliveryAdmin(ReadOnlyAdmin):
    list_display = [
        "made",
        "shown_event",
        "shown_endpoint",
        "state",
        "answered",
        "tries",
    ]
    list_filter = ["status", ("endpoint", EndpointFilter)]
    list_select_related = ["event", "endpoint"]
    search_fields = ["event__id"]  # asked in get_search_results
    search_help_text = gettext_lazy("Whole id of an event (the receiver's webhook-id)")
    ordering = ["-id"]
    sortable_by = ["made"]
    fields = ["shown_event", "subject", "its_event_id", "shown_endpoint", "made", "changed"]
    readonly_fields = fields
    change_form_outer_before_template = "common/panel.html"
    actions = ["send_again"]
    empty_advice = gettext_lazy(
        "What webhooks are sent will be listed here. Add a webhook first, and test it."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookDelivery]:
        return super().get_queryset(request).filter(endpoint__deleted_at=None)

    def get_search_results(
        self, request: HttpRequest, queryset: Any, search_term: str
    ) -> tuple[Any, bool]:
        text = search_term.strip()
        if not text:
            return queryset, False
        try:
            wanted = UUID(text)
        except ValueError:
            return queryset.none(), False
        return queryset.filter(Q(event=wanted) | Q(pk=wanted)), False

    # Its page

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        context |= {"panel": self._panel(request, context["original"])}
        return super().render_change_form(request, context, **kwargs)

    def _panel(self, request: HttpRequest, row: WebhookDelivery) -> SafeString:
        attempts = [
            {
                "when": moment(parse_datetime(one["at"])),
                "answer": answer(one),
                "error": one.get("error") or "",
                "took": one["duration_ms"],
            }
            for one in reversed(row.attempts)
        ]
        context = {
            "row": row,
            "state": delivery_state(row.status, row.attempt_count),
            "next": moment(row.next_attempt_at),
            "attempts": attempts,
            "may_send": self.has_send_permission(request),
        }
        return render_to_string("webhooks/delivery_panel.html", context, request=request)

    # Sending again

    def get_urls(self) -> list[Any]:
        """The action's address comes before those that take the rest for an id."""
        view = self.admin_site.admin_view(self.send_one_again)
        name = "webhooks_webhookdelivery_send_again"
        return [path("<uuid:object_id>/send-again/", view, name=name), *super().get_urls()]

    def has_send_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(CHANGE))

    def send_one_again(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        row: WebhookDelivery | None = self.get_object(request, str(object_id))
        if row is None:
            raise Http404
        if not self.has_send_permission(request):
            raise PermissionDenied
        if request.method == "POST":
            if refused := self._sent_again(request, row):
                self.message_user(request, refused, messages.ERROR)
            else:
                said = _("It is sent again. Load this page again to see what was answered.")
                self.message_user(request, said, messages.SUCCESS)
        return redirect(reverse("admin:webhooks_webhookdelivery_change", args=[row.pk]))

    @admin.action(permissions=["send"], description=gettext_lazy("Send selected deliveries again"))
    def send_again(self, request: HttpRequest, queryset: QuerySet[WebhookDelivery]) -> None:
        """Row by row: what one row is refused does not stop the others."""
        rows = list(queryset.order_by("pk")[: MOST_AT_ONCE + 1])
        if len(rows) > MOST_AT_ONCE:
            advice = _(
                "Select at most %(most)s at once, or send a stretch of events again on the"
                " webhook's page; nothing was sent."
            )
            self.message_user(request, advice % {"most": MOST_AT_ONCE}, messages.ERROR)
            return
        refused = [self._sent_again(request, row) for row in rows]
        if sent := refused.count(""):
            said = _("%(count)s %(names)s sent again.")
            names = {"count": sent, "names": model_ngettext(self.opts, sent)}
            self.message_user(request, said % names, messages.SUCCESS)
        for sentence in dict.fromkeys(filter(None, refused)):
            count = refused.count(sentence)
            text = ngettext(
                "%(count)s were not sent: %(why)s", "%(count)s were not sent: %(why)s", count
            )
            text %= {"count": count, "why": sentence}
            self.message_user(request, text, messages.ERROR)

    def _sent_again(self, request: HttpRequest, row: WebhookDelivery) -> str:
        """Empty, or why it is refused."""
        try:
            with busy_refused():
                operations.retry_delivery(delivery_id=row.pk)
        except DomainError as refusal:
            return " ".join(sentence for _attribute, sentence in sentences(refusal))
        self.log_change(request, row, gettext_noop("Sent again."))
        return ""

    # Columns

    @admin.display(description=gettext_lazy("When"), ordering="id")
    def made(self, delivery: WebhookDelivery) -> SafeString | None:
        return moment(delivery.created_at)

    @admin.display(description=gettext_lazy("Last changed"))
    def changed(self, delivery: WebhookDelivery) -> SafeString | None:
        return moment(delivery.updated_at)

    @admin.display(description=gettext_lazy("Event"))
    def shown_event(self, delivery: WebhookDelivery) -> SafeString:
        event = delivery.event
        number = f" \u00b7 {event.sequence}" if event.sequence else ""
        return two_lines(link(event, event.type), f"{event.subject_type}{number}")

    @admin.display(description=gettext_lazy("Event id"))
    def its_event_id(self, delivery: WebhookDelivery) -> str:
        return str(delivery.event_id)

    @admin.display(description=gettext_lazy("About"))
    def subject(self, delivery: WebhookDelivery) -> SafeString:
        return two_lines(delivery.event.subject_type, delivery.event.subject_id)

    @admin.display(description=gettext_lazy("Webhook"))
    def shown_endpoint(self, delivery: WebhookDelivery) -> SafeString:
        endpoint = delivery.endpoint
        return two_lines(link(endpoint, url_in_short(endpoint.url)), endpoint.description)

    @admin.display(description=gettext_lazy("Status"))
    def state(self, delivery: WebhookDelivery) -> SafeString:
        return delivery_state(delivery.status, delivery.attempt_count)

    @admin.display(description=gettext_lazy("Last answer"))
    def answered(self, delivery: WebhookDelivery) -> SafeString | str:
        return last_answer(delivery)

    @admin.display(description=gettext_lazy("Attempts"))
    def tries(self, delivery: WebhookDelivery) -> SafeString:
        return figure(len(delivery.attempts))
