"""API keys in the back office: make one, change what it may do, rotate its secret, revoke it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import admin, messages
from django.contrib.admin import SimpleListFilter
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop, pgettext_lazy
from django.views.decorators.debug import sensitive_variables
from unfold.decorators import action
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectWidget

from common.access import operations
from common.access.models import ApiKey
from common.access.scopes import Scope
from common.backoffice.admins import QuickList
from common.backoffice.display import label, moment
from common.backoffice.refusals import sentences
from common.errors import DomainError

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet
    from django.utils.safestring import SafeString

OVERLAPS = {
    0: gettext_noop("at once"),
    1: gettext_noop("in 1 hour"),
    24: gettext_noop("in 1 day"),
    72: gettext_noop("in 3 days"),
    168: gettext_noop("in 7 days"),
}
TONES = {"active": "good", "expired": "low", "revoked": "out"}
STATES = {
    "active": pgettext_lazy("key", "Active"),
    "expired": pgettext_lazy("key", "Expired"),
    "revoked": pgettext_lazy("key", "Revoked"),
}


class ApiKeyForm(forms.ModelForm):
    scopes = forms.MultipleChoiceField(
        label=gettext_lazy("Scopes"),
        choices=Scope.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
    )

    class Meta:
        model = ApiKey
        fields = ("name", "scopes", "quota_per_minute", "expires_at")
        help_texts = {
            "name": gettext_lazy(
                "Who will use it. It stands in the stock history and cannot be changed."
            ),
            "quota_per_minute": gettext_lazy(
                "Requests a minute. Empty: the default; 0: unlimited."
            ),
            "expires_at": gettext_lazy("Empty: never."),
        }

    def clean_expires_at(self) -> datetime | None:
        end: datetime | None = self.cleaned_data["expires_at"]
        if end is not None and end <= timezone.now():
            raise ValidationError(_("That has passed already."))
        return end


class RotationForm(forms.Form):
    overlap = forms.TypedChoiceField(
        label=gettext_lazy("The old secret stops working"),
        choices=[(hours, gettext_lazy(words)) for hours, words in OVERLAPS.items()],
        coerce=lambda hours: timedelta(hours=int(hours)),
        widget=UnfoldAdminSelectWidget,
    )


class RevokedFilter(SimpleListFilter):
    title = gettext_lazy("revocation")
    parameter_name = "revoked"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("no", _("Not revoked")), ("yes", _("Revoked"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[ApiKey]) -> QuerySet[ApiKey]:
        if self.value() is None:
            return queryset
        return queryset.filter(revoked_at__isnull=self.value() == "no")


@admin.register(ApiKey)
class ApiKeyAdmin(QuickList):
    """Keys are never deleted: the stock history names them. A revoked one can only be read.

    A secret is shown on the page that answers the form, without a redirect: so it is kept
    nowhere in between, and loading the page again cannot show it again.
    """

    form = ApiKeyForm
    list_display = [
        "name",
        "state",
        "endings",
        "quota",
        "expires",
        "last_used",
        "created_by",
    ]
    list_filter = [RevokedFilter]
    search_fields = ["name"]
    search_help_text = gettext_lazy("Name")
    ordering = ["name"]
    empty_advice = gettext_lazy(
        "Every program that uses the API gets a key of its own. Add the first one."
    )
    readonly_fields = [
        "endings",
        "created_by",
        "created",
        "last_used",
        "revoked",
    ]
    actions_detail = ["rotate", "revoke"]

    def get_queryset(self, request: HttpRequest):
        return super().get_queryset(request).prefetch_related("secrets")

    def get_fields(self, request: HttpRequest, obj: ApiKey | None = None):
        form_fields = list(ApiKeyForm.Meta.fields)
        return [*form_fields, *self.readonly_fields] if obj else form_fields

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None):
        return ["name", *self.readonly_fields] if obj else []

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Also asked with the id of a key, by the actions on its page."""
        key = self.get_object(request, obj) if isinstance(obj, str) else obj
        is_revoked = key is not None and key.revoked_at is not None
        return super().has_change_permission(request, key) and not is_revoked

    @admin.display(description=gettext_lazy("Status"))
    def state(self, key: ApiKey) -> SafeString:
        return label(STATES[key.status], tone=TONES[key.status])

    @admin.display(description=gettext_lazy("Quota"), ordering="quota_per_minute")
    def quota(self, key: ApiKey) -> str:
        quota = key.quota_per_minute
        if quota is None:
            return _("default")
        return _("%(count)s/min") % {"count": quota} if quota else _("unlimited")

    @admin.display(description=gettext_lazy("Secrets ending in"))
    def endings(self, key: ApiKey) -> str:
        return ", ".join(secret.last_four for secret in key.usable_secrets)

    @admin.display(description=gettext_lazy("Expires"), ordering="expires_at")
    def expires(self, key: ApiKey) -> SafeString | str:
        return moment(key.expires_at) or _("never")

    @admin.display(description=gettext_lazy("Last used"), ordering="last_used_at")
    def last_used(self, key: ApiKey) -> SafeString | str:
        return moment(key.last_used_at) or _("never")

    @admin.display(description=gettext_lazy("Created"))
    def created(self, key: ApiKey) -> SafeString | None:
        return moment(key.created_at)

    @admin.display(description=gettext_lazy("Revoked"))
    def revoked(self, key: ApiKey) -> SafeString | str:
        return moment(key.revoked_at) or "–"

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        """Saving leads to the secret or back to the list, so it is offered in one way alone."""
        context |= {"show_save_and_add_another": False, "show_save_and_continue": False}
        return super().render_change_form(request, context, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any):
        try:
            return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            return self._refused(request, refusal)

    @sensitive_variables("secret")
    def save_model(self, request: HttpRequest, obj: ApiKey, form: Any, change: Any) -> None:
        if change:
            operations.change_key(
                key_id=obj.pk,
                scopes=obj.scopes,
                quota=obj.quota_per_minute,
                expires_at=obj.expires_at,
            )
            return
        end = obj.expires_at
        key, secret = operations.create_key(
            name=obj.name,
            scopes=obj.scopes,
            quota=obj.quota_per_minute,
            expires_in=None if end is None else end - timezone.now(),
            created_by=request.user.get_username(),
        )
        obj.pk = key.pk
        request.new_secret = secret  # type: ignore[attr-defined]  # lives as long as the request

    def response_add(self, request: HttpRequest, obj: ApiKey, *_args: Any) -> HttpResponse:
        return self._secret_page(request, obj, request.new_secret)  # type: ignore[attr-defined]

    @action(description=gettext_lazy("Rotate the secret"), permissions=["change"], icon="autorenew")
    def rotate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key(request, object_id)
        form = RotationForm(request.POST or None)
        if not form.is_valid():
            title = _("Rotate the secret of %(key)s") % {"key": key}
            return self._page(request, key, "rotate", title=title, form=form)
        try:
            secret = operations.rotate_key(key_id=key.pk, overlap=form.cleaned_data["overlap"])
        except DomainError as refusal:
            return self._refused(request, refusal)
        when = OVERLAPS[form.cleaned_data["overlap"] // timedelta(hours=1)]
        self.log_change(request, key, f"Rotated the secret; the old one stops working {when}.")
        return self._secret_page(request, key, secret)

    @action(
        description=gettext_lazy("Revoke"), permissions=["change"], icon="block", variant="danger"
    )
    def revoke(self, request: HttpRequest, object_id: str) -> HttpResponse:
        key = self._key(request, object_id)
        if request.method != "POST":
            return self._page(request, key, "revoke", title=_("Revoke %(key)s?") % {"key": key})
        operations.revoke_key(name=key.name)
        self.log_change(request, key, gettext_noop("Revoked."))
        self.message_user(request, _("%(key)s has been revoked.") % {"key": key}, messages.SUCCESS)
        return redirect(self._address(key))

    def _key(self, request: HttpRequest, object_id: str) -> ApiKey:
        key: ApiKey | None = self.get_object(request, object_id)
        if key is None:
            raise Http404
        return key

    def _refused(self, request: HttpRequest, refusal: DomainError) -> HttpResponse:
        """Back to the form, with the reason above it."""
        for _attribute, sentence in sentences(refusal):
            self.message_user(request, sentence, messages.ERROR)
        return redirect(request.path)

    def _address(self, key: ApiKey) -> str:
        return reverse("admin:access_apikey_change", args=[key.pk])

    def _secret_page(self, request: HttpRequest, key: ApiKey, secret: str) -> HttpResponse:
        return self._page(
            request, key, "secret", title=_("Secret of %(key)s") % {"key": key}, secret=secret
        )

    def _page(self, request: HttpRequest, key: ApiKey, name: str, **context: Any) -> HttpResponse:
        context |= self.admin_site.each_context(request)
        context |= {"key": key, "opts": self.opts, "back": self._address(key)}
        return TemplateResponse(request, f"access/{name}.html", context)
