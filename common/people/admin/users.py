"""Users in the back office: what they may do, where they are logged in, what locks them out."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from axes.models import AccessAttempt
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef
from django.http import Http404
from django.shortcuts import redirect
from django.template.loader import render_to_string
from django.urls import path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_POST
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from common.backoffice.display import label, moment, two_lines
from common.people import powers, second_factor, sessions
from common.people.admin.permissions import in_words
from common.people.history import WithTrail
from common.people.pages import session_row

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.safestring import SafeString

admin.site.unregister(User)
for _device in (TOTPDevice, StaticDevice):  # django-otp's own pages would show the secrets
    admin.site.unregister(_device)


class UserForm(UserChangeForm):
    """What an account may do; nobody locks out themselves, or the last who may do everything."""

    actor: Any = None

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or self.cleaned_data
        rights = ("is_active", "is_staff", "is_superuser")
        will = {name: values.get(name, getattr(self.instance, name)) for name in rights}
        had_all = all(getattr(self.instance, name) for name in rights)
        if had_all and not all(will.values()) and powers.is_last_superuser(self.instance):
            self.add_error(None, _("Nobody else may do everything: this account has to stay so."))
        if self.instance.pk == self.actor.pk and not (will["is_active"] and will["is_staff"]):
            self.add_error(None, _("You would lock yourself out. Ask another administrator."))
        return values


@admin.register(User)
class UserAdmin(WithTrail, DjangoUserAdmin, ModelAdmin):
    """Nobody gives more than they have, or touches who has more: ``common.people.powers``."""

    form = UserForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    change_form_outer_before_template = "common/panel.html"
    list_display = ["shown_name", "in_groups", "state", "two_steps", "seen"]
    list_filter = ["is_active", "is_superuser", "groups"]
    list_filter_sheet = False
    show_full_result_count = False
    search_help_text = gettext_lazy("Name or e-mail address")

    def get_queryset(self, request: HttpRequest) -> QuerySet[User]:
        devices = TOTPDevice.objects.filter(user_id=OuterRef("pk"), confirmed=True)
        rows = super().get_queryset(request).annotate(has_device=Exists(devices))
        return rows.prefetch_related("groups")

    def get_form(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        form: Any = super().get_form(request, *args, **kwargs)
        form.actor = request.user
        return form

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> list[str]:
        """A name that stands in the history stays who it is."""
        fields = [*super().get_readonly_fields(request, obj), "last_login", "date_joined"]
        if obj is not None and obj.last_login is not None:
            fields.append("username")
        return fields if request.user.is_superuser else [*fields, "is_superuser"]

    def formfield_for_manytomany(self, db_field: Any, request: Any = None, **kwargs: Any) -> Any:
        """Only what one has oneself; whose account one may change has nothing else."""
        if db_field.name == "groups":
            kwargs["queryset"] = powers.givable_groups(request.user)
        if db_field.name == "user_permissions":
            kwargs["queryset"] = powers.givable_permissions(request.user)
        field: Any = super().formfield_for_manytomany(db_field, request, **kwargs)
        if field is not None and db_field.name == "user_permissions":
            field.label_from_instance = in_words
        return field

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return super().has_change_permission(request, obj) and _may_touch(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who has ever logged in may stand in the history, and is deactivated instead."""
        is_new = not isinstance(obj, User) or obj.last_login is None
        may = super().has_delete_permission(request, obj) and _may_touch(request, obj)
        return may and is_new and obj != request.user

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without deleting several at once, which asks about none of them."""
        return {}

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: Any) -> None:
        super().save_model(request, obj, form, change)
        if not (obj.is_active and obj.is_staff):
            sessions.end_sessions(user_id=obj.pk)

    def user_change_password(
        self,
        request: HttpRequest,
        id: str,  # noqa: A002  Django's name
        form_url: str = "",
    ) -> HttpResponse:
        """A new password ends the sessions that the old one opened."""
        answer = super().user_change_password(request, id, form_url)
        if answer.status_code == HTTPStatus.FOUND and request.method == "POST":
            own = request.session.session_key
            sessions.end_sessions(user_id=int(id), except_key=own)
        return answer

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        if (user := context.get("original")) is not None:
            context["panel"] = self._panel(request, user)
        return super().render_change_form(request, context, *args, **kwargs)

    # Actions

    def get_urls(self) -> list[Any]:
        actions = {"end-sessions": self.end_sessions, "take-app": self.take_app}
        own = [
            path(
                f"<int:user_id>/{name}/",
                self.admin_site.admin_view(require_POST(view)),
                name=f"auth_user_{name.replace('-', '_')}",
            )
            for name, view in (actions | {"unlock": self.unlock}).items()
        ]
        return [*own, *super().get_urls()]

    def end_sessions(self, request: HttpRequest, user_id: int) -> HttpResponse:
        user = self._user(request, user_id)
        if not request.user.has_perm("people.delete_staffsession"):
            raise PermissionDenied
        sessions.end_sessions(user_id=user.pk, except_key=request.session.session_key)
        return self._done(request, user, _("Logged out everywhere."))

    def take_app(self, request: HttpRequest, user_id: int) -> HttpResponse:
        user = self._somebody_else(request, user_id)
        second_factor.turn_off(user_id=user.pk)
        return self._done(request, user, _("Took the authenticator app off the account."))

    def unlock(self, request: HttpRequest, user_id: int) -> HttpResponse:
        user = self._somebody_else(request, user_id)
        sessions.unlock(user)
        return self._done(request, user, _("Unlocked the login."))

    def _user(self, request: HttpRequest, user_id: int) -> User:
        user: User | None = self.get_object(request, str(user_id))
        if user is None:
            raise Http404
        if not self.has_change_permission(request, user):
            raise PermissionDenied
        return user

    def _somebody_else(self, request: HttpRequest, user_id: int) -> User:
        """Nobody weakens their own login here: their account's page asks for password and code."""
        user = self._user(request, user_id)
        if user == request.user:
            raise PermissionDenied
        return user

    def _done(self, request: HttpRequest, user: User, said: str) -> HttpResponse:
        self.log_change(request, user, said)
        self.message_user(request, f"{user}: {said}", messages.SUCCESS)
        return redirect(reverse("admin:auth_user_change", args=[user.pk]))

    # Columns and panel

    @admin.display(description=gettext_lazy("User"), ordering="username")
    def shown_name(self, user: User) -> SafeString:
        return two_lines(user.username, user.get_full_name() or user.email)

    @admin.display(description=gettext_lazy("Groups"))
    def in_groups(self, user: User) -> str:
        names = ", ".join(sorted(group.name for group in user.groups.all()))
        return _("everything (superuser)") if user.is_superuser else names

    @admin.display(description=gettext_lazy("State"))
    def state(self, user: User) -> SafeString:
        if not user.is_active:
            return label(_("Deactivated"), tone="out")
        return (
            label(_("Active"), tone="good") if user.is_staff else label(_("No staff"), tone="plain")
        )

    @admin.display(description=gettext_lazy("Second step"), boolean=True)
    def two_steps(self, user: Any) -> bool:
        return bool(user.has_device)

    @admin.display(description=gettext_lazy("Last login"), ordering="last_login")
    def seen(self, user: User) -> SafeString | None:
        return moment(user.last_login)

    def _panel(self, request: HttpRequest, user: User) -> SafeString:
        may_see = request.user.has_perm("people.view_staffsession")
        rows = sessions.open_sessions(user.pk)[: sessions.MOST_SHOWN] if may_see else []
        own = request.session.session_key
        context = {
            "row": user,
            "may_see": may_see,
            "may_change": self.has_change_permission(request, user),
            "is_own": user == request.user,
            "may_end": request.user.has_perm("people.delete_staffsession"),
            "sessions": [session_row(one, is_own=one.session_key == own) for one in rows],
            "device": second_factor.device_of(user.pk),
            "locked": locked_addresses(user),
        }
        return render_to_string("people/user_panel.html", context, request=request)


def locked_addresses(user: User) -> list[str]:
    """From where somebody cannot log in now, after too many wrong passwords or codes."""
    since = timezone.now() - settings.AXES_COOLOFF_TIME
    attempts = AccessAttempt.objects.filter(
        username=user.get_username(),
        attempt_time__gt=since,
        failures_since_start__gte=settings.AXES_FAILURE_LIMIT,
    )
    return [attempt.ip_address or "–" for attempt in attempts.order_by("-attempt_time")[:10]]


def _may_touch(request: HttpRequest, user: Any) -> bool:
    return not isinstance(user, User) or powers.may_touch(request.user, user)
