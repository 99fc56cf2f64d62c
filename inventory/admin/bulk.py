"""Actions on many rows of a list: one page that shows what will change, applied once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import QueryDict
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from unfold.admin import ModelAdmin

from common.backoffice.refusals import busy_refused
from common.errors import DomainError
from inventory.admin.stock_page import applied

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import Promise

    from inventory.admin.bulk_forms import SelectionForm


@dataclass(frozen=True, slots=True)
class BulkAction:
    """A form about many rows of a list; ``name`` stands in its address."""

    name: str
    title: str | Promise
    permission: str
    form: type[SelectionForm]


class BulkAdmin(ModelAdmin):
    """A list whose rows can be selected for actions that each have a page of their own.

    The rows that were selected are named in the page's form: what is added to the list meanwhile
    is not changed with them.
    """

    bulk_actions: ClassVar[Sequence[BulkAction]] = ()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Those that this person may use."""
        bulk = {
            f"bulk_{action.name}": (
                partial(_opened, action),
                f"bulk_{action.name}",
                str(action.title),
            )
            for action in self.bulk_actions
            if request.user.has_perm(action.permission) and "_popup" not in request.GET
        }
        return bulk | super().get_actions(request)

    def get_urls(self) -> list[Any]:
        """The pages' addresses come before those that take the rest for an id."""
        return [
            path(
                f"bulk-{action.name}/",
                self.admin_site.admin_view(partial(self.bulk_view, action)),
                name=f"inventory_{self.opts.model_name}_bulk_{action.name}",
            )
            for action in self.bulk_actions
        ] + super().get_urls()

    def bulk_view(self, action: BulkAction, request: HttpRequest) -> HttpResponse:
        """The answer to an action's form; without one there is nothing to act on."""
        may_act = request.user.has_perm(action.permission)
        if not (may_act and self.has_view_permission(request)):
            raise PermissionDenied
        if request.method != "POST":
            return redirect(_list(self, ""))
        form = action.form(request.POST)
        if form.is_valid():
            try:
                with busy_refused():
                    outcome = applied(request, form, partial(form.log, request))
            except DomainError as refusal:
                form.look_again()
                form.refuse(refusal)
            else:
                self.message_user(request, outcome, messages.SUCCESS)
                return redirect(_list(self, form.cleaned_data["back"]))
        return _page(self, request, action, form, back=str(form["back"].value() or ""))


def _opened(
    action: BulkAction, model_admin: BulkAdmin, request: HttpRequest, rows: QuerySet[Any]
) -> HttpResponse | None:
    """The page of an action on the rows selected, as far as it can be done to them."""
    most = action.form.most
    chosen = list(rows.order_by("pk").values_list("pk", flat=True)[: most + 1])
    if len(chosen) > most:
        model_admin.message_user(request, action.form.too_many(), messages.ERROR)
        return None
    back = request.GET.urlencode()
    form = action.form(chosen=chosen, back=back)
    if not form.rows:
        model_admin.message_user(request, form.nothing_to_do, messages.WARNING)
        return None
    return _page(model_admin, request, action, form, back=back)


def _page(
    model_admin: BulkAdmin,
    request: HttpRequest,
    action: BulkAction,
    form: SelectionForm,
    *,
    back: str,
) -> HttpResponse:
    model = model_admin.opts.model_name
    context = model_admin.admin_site.each_context(request) | {
        "title": form.title,
        "content_title": form.title,
        "opts": model_admin.opts,
        "form": form,
        "back": _list(model_admin, back),
        "action": reverse(f"admin:inventory_{model}_bulk_{action.name}"),
    }
    return TemplateResponse(request, "inventory/bulk_form.html", context)


def _list(model_admin: BulkAdmin, query: str) -> str:
    """The list as it was when its rows were selected."""
    address = reverse(f"admin:inventory_{model_admin.opts.model_name}_changelist")
    query = QueryDict(query).urlencode()
    return f"{address}?{query}" if query else address
