"""Notifications in the back office: what somebody wants to hear of, and whether mail arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.apps import apps
from django.contrib import admin, messages
from django.contrib.admin.utils import model_ngettext
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from unfold.widgets import UnfoldAdminSelectWidget

from common.backoffice.admins import QuickList
from common.backoffice.display import label
from common.backoffice.refusals import sentences
from common.backoffice.sentences import translated
from common.errors import DomainError
from common.notifications import operations
from common.notifications.alerts import PERMISSIONS
from common.notifications.mailing import send_test
from common.notifications.models import Mode, Recipient, Topic

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.utils.safestring import SafeString


EXPLAINED = {
    Topic.OUT: gettext_lazy("Nothing of a product is left to promise at a location."),
    Topic.LOW: gettext_lazy("A product is at or below its reorder point at a location."),
    Topic.SLIPPED: gettext_lazy("A batch that is on its way is expected later than before."),
    Topic.ENDPOINT: gettext_lazy(
        "A webhook has failed for so long that nothing is sent to it any more."
    ),
    Topic.LEDGER: gettext_lazy("The nightly check has found figures that nothing explains."),
}


def _choice(topic: Topic) -> forms.TypedChoiceField:
    return forms.TypedChoiceField(
        label=topic.label,
        choices=[("", gettext_lazy("off")), *Mode.choices],
        coerce=Mode,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=EXPLAINED[topic],
    )


class RecipientForm(forms.ModelForm):
    """One choice for each topic; its name is the topic's. What its reader may not see stays."""

    out = _choice(Topic.OUT)
    low = _choice(Topic.LOW)
    slipped = _choice(Topic.SLIPPED)
    endpoint = _choice(Topic.ENDPOINT)
    ledger = _choice(Topic.LEDGER)

    class Meta:
        model = Recipient
        fields = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.initial.update({one.topic: one.mode for one in self.instance.subscriptions.all()})
        for topic, permission in PERMISSIONS.items():
            if not self.instance.has_perm(permission):
                self.fields[topic].disabled = True
                self.fields[topic].help_text = f"{EXPLAINED[topic]} {_needed(permission)}"


def _needed(permission: str) -> str:
    app, codename = permission.split(".")
    model = apps.get_model(app, codename.removeprefix("view_"))
    told = _("This needs the permission to view %(names)s.")
    return told % {"names": model_ngettext(model.objects.none(), 2)}


@admin.register(Recipient)
class RecipientAdmin(QuickList):
    """Everybody chooses for themselves, among what they may view; superusers for all."""

    form = RecipientForm
    change_form_outer_before_template = "notifications/address.html"
    object_history_template = "people/object_history.html"
    list_display = ["username", "address", "at_once", "daily"]
    search_fields = ["username", "email"]
    search_help_text = gettext_lazy("Name or e-mail address")
    ordering = ["username"]

    def get_urls(self) -> list[Any]:
        test = self.admin_site.admin_view(require_POST(self.send_test))
        own = path("<int:user_id>/test/", test, name="notifications_recipient_test")
        return [own, *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Recipient]:
        staff = super().get_queryset(request).filter(is_active=True, is_staff=True)
        if not request.user.is_superuser:
            staff = staff.filter(pk=request.user.pk)
        return staff.prefetch_related("subscriptions")

    def has_module_permission(self, request: HttpRequest) -> bool:
        return True

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return obj is None or request.user.is_superuser or obj.pk == request.user.pk

    @admin.display(description=gettext_lazy("Mail goes to"), ordering="email")
    def address(self, user: Recipient) -> SafeString | str:
        return user.email or label(_("no address"), tone="low")

    @admin.display(description=gettext_lazy("At once"))
    def at_once(self, user: Recipient) -> str:
        return self._topics(user, Mode.AT_ONCE)

    @admin.display(description=gettext_lazy("Once a day"))
    def daily(self, user: Recipient) -> str:
        return self._topics(user, Mode.DAILY)

    def _topics(self, user: Recipient, mode: Mode) -> str:
        chosen = {one.topic for one in user.subscriptions.all() if one.mode == mode}
        return ", ".join(str(topic.label) for topic in Topic if topic in chosen)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """All staff, for superusers; everybody else has one page."""
        if not request.user.is_superuser:
            return redirect(self._address(request.user.pk))
        return super().changelist_view(request, extra_context)

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, *args: Any, **kwargs: Any
    ) -> HttpResponse:
        try:
            return super().changeform_view(request, object_id, *args, **kwargs)
        except DomainError as refusal:
            for _attribute, sentence in sentences(refusal):
                self.message_user(request, sentence, messages.ERROR)
            return redirect("admin:index")

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        context |= {"show_save_and_continue": False}
        return super().render_change_form(request, context, **kwargs)

    def save_model(self, request: HttpRequest, obj: Recipient, form: Any, change: Any) -> None:
        modes = {topic: form.cleaned_data[topic] for topic in Topic}
        operations.subscribe(user_id=obj.pk, modes=modes)

    def response_change(self, request: HttpRequest, obj: Recipient) -> HttpResponse:
        said = _("Saved what %(name)s hears of.") % {"name": obj}
        self.message_user(request, said, messages.SUCCESS)
        return redirect(self._address(obj.pk))

    def send_test(self, request: HttpRequest, user_id: int) -> HttpResponse:
        """Send a mail now, and say what came of it."""
        user = self.get_object(request, str(user_id))
        if user is None:
            raise Http404
        if failure := send_test(user):
            said = _("The test mail was not sent. %(why)s") % {"why": translated(failure)}
            self.message_user(request, said, messages.ERROR)
        else:
            said = _("A test mail is on its way to %(address)s. Look whether it arrives.")
            self.message_user(request, said % {"address": user.email}, messages.SUCCESS)
        return redirect(self._address(user.pk))

    def _address(self, user_id: int | None) -> str:
        return reverse("admin:notifications_recipient_change", args=[user_id])
