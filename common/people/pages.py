"""The pages on which staff look after their own account."""

from __future__ import annotations

from functools import wraps
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core import signing
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from common.errors import DomainError
from common.observability.context import set_actor
from common.people import login, second_factor, sessions
from common.people.forms import KEY_SALT, ConfirmationForm, SetUpForm
from common.people.pictures import qr_code

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http.response import HttpResponseBase

    View = Callable[..., HttpResponseBase]

SECRETS = ("password", "code", "sealed")


class AccountPages:
    """One's sessions and second factor. Everybody in the back office has these pages."""

    def __init__(self, site: Any) -> None:
        self.site = site

    @property
    def urls(self) -> list[Any]:
        view = self.site.admin_view
        return [
            path("account/", view(self.account), name="account"),
            path(
                "account/sessions/<uuid:session_id>/end/",
                view(require_POST(self.end_session)),
                name="session_end",
            ),
            path("account/sessions/end/", view(require_POST(self.end_others)), name="sessions_end"),
            path("account/app/", self._before_set_up(self.set_up), name="second_factor_set_up"),
            path("account/app/off/", view(self.turn_off), name="second_factor_turn_off"),
            path("account/recovery/", view(self.renew_codes), name="recovery_codes"),
            path("still-here/", never_cache(csrf_protect(self.still_here)), name="still_here"),
        ]

    def account(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        rows = list(sessions.open_sessions(user.pk)[: sessions.MOST_SHOWN])
        return self._page(
            request,
            "account",
            _("Your account"),
            sessions=[
                session_row(row, is_own=row.session_key == request.session.session_key)
                for row in rows
            ],
            device=second_factor.device_of(user.pk),
            codes_left=second_factor.recovery_codes_left(user.pk),
            is_required=second_factor.is_required(),
        )

    def end_session(self, request: HttpRequest, session_id: Any) -> HttpResponse:
        if sessions.end_session(user_id=_id_of(request), session_id=session_id):
            messages.success(request, _("That browser has been logged out."))
        else:
            messages.warning(request, _("That browser was logged out already."))
        return redirect("admin:account")

    def end_others(self, request: HttpRequest) -> HttpResponse:
        own = request.session.session_key
        sessions.end_sessions(user_id=_id_of(request), except_key=own)
        messages.success(request, _("You are logged in here alone now."))
        return redirect("admin:account")

    @method_decorator(sensitive_post_parameters(*SECRETS))
    def set_up(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user
        if second_factor.device_of(user.pk) is not None:
            return redirect("admin:account")
        form = SetUpForm(request.POST or None)
        key = second_factor.new_key()
        if form.is_valid():
            key = form.cleaned_data["sealed"]
            try:
                device_id, codes = second_factor.set_up(
                    user_id=user.pk, key=key, code=form.cleaned_data["code"]
                )
            except DomainError as refusal:
                form.refuse(refusal)
            else:
                request.session[second_factor.PASSED] = device_id
                return self._codes_page(request, codes)
        elif form.is_bound and "sealed" in form.cleaned_data:
            key = form.cleaned_data["sealed"]
        return self._set_up_page(request, form, key)

    @method_decorator(sensitive_post_parameters(*SECRETS))
    def turn_off(self, request: HttpRequest) -> HttpResponse:
        """With the password and a code once more."""
        title = _("Turn off the second step")
        form = ConfirmationForm(request.POST or None)
        answer = self._confirmed(request, form, title, button=_("Turn off"))
        if answer is not None:
            return answer
        second_factor.turn_off(user_id=_id_of(request))
        messages.success(request, _("From now on your password alone logs you in."))
        return redirect("admin:account")

    @method_decorator(sensitive_post_parameters(*SECRETS))
    def renew_codes(self, request: HttpRequest) -> HttpResponse:
        """With the password and a code once more."""
        title = _("New recovery codes")
        form = ConfirmationForm(request.POST or None)
        answer = self._confirmed(request, form, title, button=_("Make new codes"))
        if answer is not None:
            return answer
        return self._codes_page(
            request, second_factor.renew_recovery_codes(user_id=_id_of(request))
        )

    def still_here(self, request: HttpRequest) -> HttpResponse:
        """How many seconds are left before somebody is logged out; POST says that they are here.

        Asked by a script of the pages, which also gets its sentences here.
        """
        left = sessions.seconds_left(request) if self.site.has_permission(request) else 0
        return JsonResponse(
            {
                "seconds_left": left,
                "warning": _("You will be logged out soon, because nothing has happened here."),
                "stay": _("Stay logged in"),
                "ended": _(
                    "You have been logged out. What you entered is still on this page: log in in"
                    " another tab, then come back and send it."
                ),
                "log_in": _("Log in in another tab"),
                "login": reverse("admin:login"),
            }
        )

    def _confirmed(
        self, request: HttpRequest, form: ConfirmationForm, title: str, *, button: str
    ) -> HttpResponse | None:
        """What to answer instead, unless password and code are right."""
        user: Any = request.user
        if second_factor.device_of(user.pk) is None:
            return redirect("admin:account")
        if request.method == "POST" and login.is_locked(request, user):
            return login.locked_out(request, user)  # type: ignore[no-any-return]  # axes' answer
        if form.is_valid():
            if not user.check_password(form.cleaned_data["password"]):
                form.add_error("password", _("This is not your password."))
            elif second_factor.verify(user_id=user.pk, code=form.cleaned_data["code"]) is None:
                form.add_error("code", login.wrong_code())
            else:
                return None
            login.count_failure(request, user)
        return self._page(request, "confirm", title, form=form, button=button)

    def _set_up_page(self, request: HttpRequest, form: SetUpForm, key: str) -> HttpResponse:
        user: Any = request.user
        form.initial["sealed"] = sealed = signing.dumps(key, salt=KEY_SALT)
        if form.is_bound:
            form.data = form.data.copy() | {"sealed": sealed}  # type: ignore[attr-defined]
        return self._page(
            request,
            "set_up",
            _("Set up an authenticator app"),
            form=form,
            secret=second_factor.key_as_text(key),
            picture=qr_code(second_factor.key_as_address(user, key)),
            is_required=second_factor.is_required(),
        )

    def _codes_page(self, request: HttpRequest, codes: list[str]) -> HttpResponse:
        title = _("Your recovery codes")
        return self._page(request, "codes", title, codes=codes, next=_next_of(request))

    def _page(
        self, request: HttpRequest, name: str, title: str, **context: Any
    ) -> TemplateResponse:
        context |= self.site.each_context(request) | {"title": title, "content_title": title}
        return TemplateResponse(request, f"people/{name}.html", context)

    def _before_set_up(self, view: View) -> View:
        """For staff who have passed, and for those who still have nothing to pass with."""

        @never_cache
        @csrf_protect
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            user, session = request.user, request.session
            is_staff = user.is_authenticated and user.is_active and user.is_staff
            if not is_staff or (session.device_id and not second_factor.has_passed(request)):  # type: ignore[attr-defined]
                return redirect_to_login(request.get_full_path(), reverse("admin:login"))
            set_actor(user.get_username())
            return view(request, *args, **kwargs)

        return guarded


def session_row(session: Any, *, is_own: bool = False) -> dict[str, Any]:
    """A session as tables show it."""
    return {
        "id": session.id,
        "is_own": is_own,
        "browser": sessions.agent_in_short(session.agent),
        "address": session.address,
        "started_at": session.started_at,
        "seen_at": timezone.now() if is_own else session.seen_at,
    }


def _id_of(request: HttpRequest) -> int:
    user: Any = request.user
    return int(user.pk)


def _next_of(request: HttpRequest) -> str:
    """Where somebody wanted to go before they had to set up their app."""
    wanted = request.GET.get("next", "")
    is_ours = url_has_allowed_host_and_scheme(
        wanted, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return wanted if wanted and is_ours else reverse("admin:account")
