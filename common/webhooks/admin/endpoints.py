"""Webhook endpoints in the back office: add, change, try out, rotate, send again, delete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, Subquery
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from common.backoffice.admins import OperationsAdmin
from common.backoffice.display import moment, two_lines
from common.backoffice.refusals import busy_refused, sentences
from common.errors import DomainError
from common.events.models import Sequencer
from common.observability.context import current
from common.webhooks import operations
from common.webhooks.admin.display import (
    CHANGE,
    delivery_state,
    last_answer,
    state_and_reason,
    types_in_short,
    url_in_short,
)
from common.webhooks.admin.forms import EndpointForm, ReplayForm
from common.webhooks.models import WebhookDelivery, WebhookEndpoint

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.safestring import SafeString

LATEST = 10


@admin.register(WebhookEndpoint)
class WebhookEndpointAdmin(OperationsAdmin):
    """A secret is shown on the page that answers the form, without a redirect: so it is kept
    nowhere in between, and loading the page again cannot show it again.
    """

    form = EndpointForm
    fields = ["url", "description", "event_types", "is_active"]
    list_display = ["shown_url", "told_of", "state", "last_delivery", "created_by"]
    list_filter = ["is_active"]
    search_fields = ["url", "description"]
    search_help_text = gettext_lazy("URL or description")
    ordering = ["id"]
    sortable_by = ["shown_url"]
    add_label = gettext_lazy("Add a webhook")
    empty_advice = gettext_lazy(
        "Add the address of a program that is to be told what happens here."
    )
    deletion_advice = gettext_lazy(
        "Nothing more is sent there, not even what waits, and its deliveries are forgotten."
        " To stop for a while, switch it off instead."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[WebhookEndpoint]:
        latest = WebhookDelivery.objects.filter(endpoint=OuterRef("pk")).order_by("-pk")
        return (
            super()
            .get_queryset(request)
            .filter(deleted_at=None)
            .annotate(
                last_at=Subquery(latest.values("created_at")[:1]),
                last_status=Subquery(latest.values("status")[:1]),
                last_count=Subquery(latest.values("attempt_count")[:1]),
            )
        )

    def create(self, values: dict[str, Any]) -> WebhookEndpoint:
        return operations.create_endpoint(created_by=current().actor, **values)

    def change(self, row: WebhookEndpoint, changes: dict[str, Any], seen_version: int) -> None:
        operations.change_endpoint(
            endpoint_id=row.pk, changes=changes, expected_version=seen_version
        )

    def remove(self, row: WebhookEndpoint) -> None:
        operations.delete_endpoint(endpoint_id=row.pk)

    # Its page

    def panel(self, request: HttpRequest, row: WebhookEndpoint) -> SafeString:
        deliveries = row.deliveries.select_related("event").order_by("-pk")[:LATEST]
        context = {
            "endpoint": row,
            "state": state_and_reason(row),
            "told_of": types_in_short(row.event_types),
            "created": moment(row.created_at),
            "old_secret_until": moment(row.previous_secret_until),
            "may_act": request.user.has_perm(CHANGE),
            "may_see": request.user.has_perm("webhooks.view_webhookdelivery"),
            "deliveries": [
                {
                    "row": one,
                    "when": moment(one.created_at),
                    "state": delivery_state(one.status, one.attempt_count),
                    "answer": last_answer(one),
                }
                for one in deliveries
            ],
        }
        return render_to_string("webhooks/endpoint_panel.html", context, request=request)

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        """A new one leads to its secret, so it is saved in one way alone."""
        if context.get("original") is None:
            context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, **kwargs)

    def response_add(self, request: HttpRequest, obj: WebhookEndpoint, *_args: Any) -> HttpResponse:
        return self._secret_page(request, obj)

    # What can be done there

    def get_urls(self) -> list[Any]:
        """The actions' addresses come before those that take the rest for an id."""
        views = {"test": self.test, "rotate": self.rotate, "replay": self.replay}
        return [
            path(
                f"<uuid:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"webhooks_webhookendpoint_{name}",
            )
            for name, view in views.items()
        ] + super().get_urls()

    def test(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        """Send a test, and lead to where its answer will be seen."""
        endpoint = self._endpoint(request, object_id)
        if request.method != "POST":
            return redirect(self._address(endpoint))
        try:
            with busy_refused():
                delivery = operations.send_test(endpoint_id=endpoint.pk)
        except DomainError as refusal:
            return self._refused(request, endpoint, refusal)
        self.log_change(request, endpoint, gettext_noop("Sent a test."))
        said = _("A test is on its way. Load this page again to see what was answered.")
        self.message_user(request, said, messages.SUCCESS)
        if not request.user.has_perm("webhooks.view_webhookdelivery"):
            return redirect(self._address(endpoint))
        return redirect("admin:webhooks_webhookdelivery_change", delivery.pk)

    def rotate(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        if request.method != "POST":
            return self._page(request, endpoint, "rotate", title=_("Rotate the secret"))
        try:
            with busy_refused():
                endpoint = operations.rotate_secret(endpoint_id=endpoint.pk)
        except DomainError as refusal:
            return self._refused(request, endpoint, refusal)
        self.log_change(request, endpoint, gettext_noop("Rotated the secret."))
        return self._secret_page(request, endpoint)

    def replay(self, request: HttpRequest, object_id: Any) -> HttpResponse:
        endpoint = self._endpoint(request, object_id)
        newest = Sequencer.objects.values_list("last", flat=True).first() or 0
        form = ReplayForm(request.POST or None, last=newest)
        if form.is_valid():
            try:
                with busy_refused():
                    sent = operations.replay(endpoint_id=endpoint.pk, **form.cleaned_data)
            except DomainError as refusal:
                form.refuse(refusal)
            else:
                self.log_change(request, endpoint, f"Events that are sent again: {sent}.")
                said = _("Events that are sent again: %(count)s.") % {"count": sent}
                said = said if sent else _("It wants none of these.")
                self.message_user(request, said, messages.SUCCESS if sent else messages.WARNING)
                return redirect(self._address(endpoint))
        title = _("Send events again")
        return self._page(request, endpoint, "replay", title=title, form=form, newest=newest)

    def _endpoint(self, request: HttpRequest, object_id: Any) -> WebhookEndpoint:
        endpoint: WebhookEndpoint | None = self.get_object(request, str(object_id))
        if endpoint is None:
            raise Http404
        if not self.has_change_permission(request, endpoint):
            raise PermissionDenied
        return endpoint

    def _refused(
        self, request: HttpRequest, endpoint: WebhookEndpoint, refusal: DomainError
    ) -> HttpResponse:
        for _attribute, sentence in sentences(refusal):
            self.message_user(request, sentence, messages.ERROR)
        return redirect(self._address(endpoint))

    def _address(self, endpoint: WebhookEndpoint) -> str:
        return reverse("admin:webhooks_webhookendpoint_change", args=[endpoint.pk])

    def _secret_page(self, request: HttpRequest, endpoint: WebhookEndpoint) -> HttpResponse:
        return self._page(
            request, endpoint, "secret", title=_("Secret of the webhook"), secret=endpoint.secret
        )

    def _page(
        self, request: HttpRequest, endpoint: WebhookEndpoint, name: str, **context: Any
    ) -> HttpResponse:
        context |= self.admin_site.each_context(request) | {
            "endpoint": endpoint,
            "opts": self.opts,
            "original": endpoint,
            "back": self._address(endpoint),
        }
        return TemplateResponse(request, f"webhooks/{name}.html", context)

    # Columns

    @admin.display(description=gettext_lazy("Webhook"), ordering="url")
    def shown_url(self, endpoint: WebhookEndpoint) -> SafeString:
        return two_lines(url_in_short(endpoint.url), endpoint.description)

    @admin.display(description=gettext_lazy("Told of"))
    def told_of(self, endpoint: WebhookEndpoint) -> str:
        return types_in_short(endpoint.event_types)

    @admin.display(description=gettext_lazy("State"))
    def state(self, endpoint: WebhookEndpoint) -> SafeString:
        return state_and_reason(endpoint)

    @admin.display(description=gettext_lazy("Last delivery"))
    def last_delivery(self, endpoint: Any) -> SafeString | str:
        if endpoint.last_at is None:
            return _("none yet")
        state = delivery_state(endpoint.last_status, endpoint.last_count)
        return two_lines(state, moment(endpoint.last_at))
