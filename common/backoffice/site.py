"""The admin site of the back office."""

from __future__ import annotations

from functools import wraps
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import BadRequest
from django.http import Http404
from django.shortcuts import redirect
from django.templatetags.static import static
from django.urls import path, reverse
from django.utils.decorators import method_decorator
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.i18n import set_language
from unfold.sites import UnfoldAdminSite

from common.observability.context import set_actor
from common.people.login import login_page
from common.people.pages import AccountPages
from common.people.second_factor import has_passed
from common.people.sessions import end_sessions

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest, HttpResponse

    View = Callable[..., HttpResponse]


class BackOffice(UnfoldAdminSite):
    """Whoever uses a page is the actor of all that the page writes.

    Every view of every admin passes here, so that none of them has to think of it.
    """

    index_title = _("Overview")
    empty_value_display = "–"

    def admin_view(self, view: View, cacheable: bool = False) -> View:  # noqa: FBT001, FBT002
        @wraps(view)
        def with_actor(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if "%00" in request.META.get("QUERY_STRING", ""):  # no text in PostgreSQL has a NUL
                raise BadRequest
            set_actor(request.user.get_username())
            return view(request, *args, **kwargs)

        return super().admin_view(with_actor, cacheable)

    def has_permission(self, request: HttpRequest) -> bool:
        """Staff whose session has shown all that it has to show."""
        return super().has_permission(request) and has_passed(request)

    def each_context(self, request: HttpRequest) -> dict[str, Any]:
        context = super().each_context(request)
        context["styles"] = [*context["styles"], static("people/people.css")]
        if context["has_permission"]:
            account = {"title": _("Your account"), "link": reverse("admin:account")}
            context["account_links"] = [*context["account_links"], account]
            asked: dict[str, Any] = {
                "minutes": settings.STAFF_IDLE_MINUTES,
                "ask": reverse("admin:still_here"),
            }
            script = f"{static('people/idle.js')}?{urlencode(asked)}"
            context["scripts"] = [*context["scripts"], script]
        return context

    @method_decorator(never_cache)
    @login_not_required
    def login(self, request: HttpRequest, extra_context: Any = None) -> Any:
        """In two steps for who has an authenticator app."""
        if request.method == "GET" and self.has_permission(request):
            return redirect("admin:index")
        return login_page(self, request)

    def password_change(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """A new password ends one's sessions everywhere else."""
        answer = super().password_change(request, extra_context)
        if answer.status_code == HTTPStatus.FOUND:
            user: Any = request.user
            end_sessions(user_id=user.pk, except_key=request.session.session_key)
        return answer

    def get_urls(self) -> list[Any]:
        """Who has not logged in yet may choose a language too, or leave halfway."""
        return [
            path("language/", set_language, name="language"),
            path("logout/", self.logout, name="logout"),
            *AccountPages(self).urls,
            *super().get_urls(),
        ]

    def search(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """Not offered: unfold's own keeps objects in the cache, which takes JSON alone."""
        raise Http404
