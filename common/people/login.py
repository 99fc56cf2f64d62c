"""Logging in: the password, then the code; wrong ones of either kind lock the login."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_lockout_response
from django.contrib.auth import login
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_login_failed
from django.contrib.auth.views import LoginView
from django.core import signing
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.crypto import constant_time_compare, salted_hmac
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters

from common.people import second_factor
from common.people.forms import CodeForm
from common.people.middleware import IDLE, IDLE_UNSENT

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse
    from django.http.response import HttpResponseBase

BACKEND: Final = "django.contrib.auth.backends.ModelBackend"
PROOF_SALT: Final = "common.people.proof"
PROOF_SECONDS: Final = 300


@method_decorator(sensitive_post_parameters("password", "code", "proof"), name="dispatch")
class StaffLogin(LoginView):
    """Nobody is logged in before both steps are done; in between, the page itself carries a proof.

    So there is no half-open session to take, and a right password does not forgive wrong codes.
    """

    template_name = "people/login.html"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Also for a session that was open when its user got a second factor."""
        user: Any = request.user
        if user.is_authenticated and user.is_staff and not second_factor.has_passed(request):
            if second_factor.device_of(user.pk) is not None:
                return self._ask_code(user)
            query = urlencode({self.redirect_field_name: self.get_success_url()})
            return redirect(f"{reverse('admin:second_factor_set_up')}?{query}")
        return super().get(request, *args, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "proof" in request.POST:
            return self._take_code(CodeForm(request.POST))
        return super().post(request, *args, **kwargs)

    def form_valid(self, form: Any) -> HttpResponse:
        """The password is right."""
        user = form.get_user()
        if second_factor.device_of(user.pk) is not None:
            return self._ask_code(user)
        return super().form_valid(form)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**kwargs) | {"notice": _notice(self.request)}

    def _ask_code(self, user: User, form: CodeForm | None = None) -> HttpResponse:
        form = form or CodeForm(initial={"proof": proof_of(user)})
        return self.render_to_response(self.get_context_data(form=form, is_code=True))

    def _take_code(self, form: CodeForm) -> HttpResponse:
        user = proven(form.data["proof"])
        if user is None:
            expired = _("That took too long. Enter your password again.")
            empty = self.get_form_class()(self.request)
            context = self.get_context_data(form=empty) | {"notice": expired}
            return self.render_to_response(context)
        if is_locked(self.request, user):
            return locked_out(self.request, user)  # type: ignore[no-any-return]  # axes' answer
        if not form.is_valid():
            return self._ask_code(user, form)
        device_id = second_factor.verify(user_id=user.pk, code=form.cleaned_data["code"])
        if device_id is None:
            count_failure(self.request, user)
            form.add_error("code", wrong_code())
            return self._ask_code(user, form)
        login(self.request, user, backend=BACKEND)
        self.request.session[second_factor.PASSED] = device_id
        return redirect(self.get_success_url())


def proof_of(user: User) -> str:
    """Says that this user's password was right just now. Good for five minutes and one login."""
    return signing.dumps({"user": user.pk, "mark": _mark(user)}, salt=PROOF_SALT)


def proven(proof: str) -> User | None:
    """Whose proof it is; nobody's when it is too old, or anything about the user has changed."""
    try:
        told = signing.loads(proof, salt=PROOF_SALT, max_age=PROOF_SECONDS)
    except signing.BadSignature:
        return None
    user = User.objects.filter(pk=told["user"], is_active=True).first()
    if user is None or not constant_time_compare(told["mark"], _mark(user)):
        return None
    return user


def is_locked(request: HttpRequest, user: User) -> bool:
    """Whether there were too many wrong passwords and codes from this address."""
    return not AxesProxyHandler.is_allowed(request, {"username": user.get_username()})


def locked_out(request: HttpRequest, user: User) -> Any:
    return get_lockout_response(request, credentials={"username": user.get_username()})


def count_failure(request: HttpRequest, user: User) -> None:
    """A wrong code, or password on a page, counts like a wrong password at the login."""
    credentials = {"username": user.get_username()}
    user_login_failed.send(sender=__name__, credentials=credentials, request=request)


def wrong_code() -> str:
    return _(
        "This is not the code that the app shows now. Each code works once; after wrong ones, wait"
        " a little."
    )


def _mark(user: User) -> str:
    """Changes with the password and with every login."""
    about = f"{user.get_session_auth_hash()}:{user.last_login}"
    return salted_hmac(PROOF_SALT, about, algorithm="sha256").hexdigest()


def _notice(request: HttpRequest) -> str:
    """Why somebody who was logged in sees the login page."""
    match request.GET.get("ended"):
        case value if value == IDLE:
            return _("You have been logged out because nobody used this browser for a while.")
        case value if value == IDLE_UNSENT:
            return _(
                "You have been logged out because nobody used this browser for a while. What you"
                " have just sent was not saved."
            )
    return ""


def login_page(site: Any, request: HttpRequest) -> HttpResponseBase:
    """The login page of the back office."""
    context = site.each_context(request) | {
        "title": _("Log in"),
        "subtitle": None,
        "app_path": request.get_full_path(),
    }
    view = StaffLogin.as_view(
        extra_context=context,
        authentication_form=site.login_form,
        next_page="admin:index",
    )
    return view(request)
