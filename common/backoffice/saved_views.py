"""Tabs above a list: views that somebody saved, for themselves or for all who see the list."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from common.backoffice.forms import StaffForm
from common.errors import DomainError
from common.saved_views import operations
from common.saved_views.models import SavedView

if TYPE_CHECKING:
    from collections.abc import Callable

LEFT_OUT: Final = frozenset({"p", "e", "all"})
"""Parameters that belong to a moment, not to a view: the page, and an error."""


class ViewForm(StaffForm, forms.Form):
    name = forms.CharField(max_length=60, strip=True, label=gettext_lazy("Name"))
    is_shared = forms.BooleanField(required=False)


class WithSavedViews(ModelAdmin):
    """A list that can be saved as it is searched, filtered and sorted."""

    change_list_template = "common/change_list.html"

    def get_urls(self) -> list[Any]:
        return [
            self._path("saved-views/save/", self.save_view, "save_view"),
            self._path("saved-views/remove/", self.remove_view, "remove_view"),
            *super().get_urls(),
        ]

    def _path(self, route: str, view: Callable[..., HttpResponse], name: str) -> Any:
        full = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(route, self.admin_site.admin_view(view), name=full)

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        given = {"saved_views": self._shown(request)} | (extra_context or {})
        return super().changelist_view(request, given)

    def _shown(self, request: HttpRequest) -> dict[str, Any]:
        """What the template shows: the views, which of them this is, and what could be saved."""
        now, own = _query(request.GET), f"admin:{self.opts.app_label}_{self.opts.model_name}"
        rows = SavedView.objects.seen_by(request.user, self.opts.label_lower)  # type: ignore[arg-type]  # staff only
        return {
            "views": rows.select_related("owner").order_by("name", "pk"),
            "now": now,
            "list": reverse(f"{own}_changelist"),
            "save": reverse(f"{own}_save_view"),
            "remove": reverse(f"{own}_remove_view"),
        }

    def save_view(self, request: HttpRequest) -> HttpResponse:
        """Keep the list as the address says, under the name that was sent."""
        self._check(request)
        query = _query(request.GET)
        form = ViewForm(request.POST)
        if request.method != "POST" or not self._is_accepted(request):
            return redirect(self._back(""))
        if not form.is_valid():
            said = _("Give the view a name of at most 60 letters.")
            self.message_user(request, said, messages.ERROR)
            return redirect(self._back(query))
        try:
            view = operations.save_view(
                owner_id=_owner(request),
                of_list=self.opts.label_lower,
                name=form.cleaned_data["name"],
                query=query,
                is_shared=form.cleaned_data["is_shared"],
            )
        except DomainError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        else:
            said = _("The view “%(name)s” has been saved.") % {"name": view.name}
            self.message_user(request, said, messages.SUCCESS)
        return redirect(self._back(query))

    def remove_view(self, request: HttpRequest) -> HttpResponse:
        self._check(request)
        if request.method != "POST":
            return redirect(self._back(""))
        try:
            name = operations.remove_view(
                owner_id=_owner(request),
                of_list=self.opts.label_lower,
                view_id=_uuid(request.POST.get("view", "")),
            )
        except DomainError as refusal:
            self.message_user(request, refusal.detail, messages.ERROR)
        else:
            said = _("The view “%(name)s” has been deleted.") % {"name": name}
            self.message_user(request, said, messages.SUCCESS)
        return redirect(self._back(""))

    def _check(self, request: HttpRequest) -> None:
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied

    def _is_accepted(self, request: HttpRequest) -> bool:
        """Whether the list takes these parameters; those that it must not take are an error."""
        try:
            self.get_changelist_instance(request)
        except IncorrectLookupParameters:
            return False
        return True

    def _back(self, query: str) -> str:
        address = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
        return f"{address}?{query}" if query else address


def _query(given: QueryDict) -> str:
    """What makes a view of a list, always in the same order."""
    kept = sorted(
        (name, value)
        for name, values in given.lists()
        for value in values
        if name not in LEFT_OUT and not name.startswith("_") and value
    )
    query = QueryDict(mutable=True)
    for name, value in kept:
        query.appendlist(name, value)
    return query.urlencode()


def _owner(request: HttpRequest) -> int:
    """Whoever has logged in; the admin lets nobody else in."""
    return int(request.user.pk or 0)


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        return UUID(int=0)
