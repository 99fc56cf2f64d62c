"""Model admins whose every write is an operation, and those that write nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.contrib.admin.actions import delete_selected as confirmed_deletion
from django.contrib.admin.utils import model_ngettext
from django.core.exceptions import FieldDoesNotExist, ValidationError
from django.db import models
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.admin import ModelAdmin

from common.backoffice.forms import OperationForm
from common.backoffice.lists import CappedPaginator, QuickChangeList
from common.backoffice.numbers import WholeNumber, number_input
from common.backoffice.refusals import busy_refused, sentences
from common.backoffice.saved_views import WithSavedViews
from common.database import in_transaction
from common.errors import DomainError
from common.people.history import WithTrail

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import Model, QuerySet
    from django.http import HttpRequest, HttpResponse
    from django.utils.functional import Promise
    from django.utils.safestring import SafeString

WHOLE_NUMBER = {"form_class": WholeNumber, "widget": number_input("numeric")}
MOST_DELETED = 1_000
MOST_NAMED = 20


class QuickList(WithTrail, WithSavedViews, ModelAdmin):
    """A list without exact counts of large tables, which says what to do when it is empty."""

    paginator = CappedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50
    list_max_show_all = 0
    list_filter_sheet = False
    formfield_overrides = {
        models.IntegerField: WHOLE_NUMBER,
        models.PositiveIntegerField: WHOLE_NUMBER,
    }
    add_label: str | Promise = ""
    """What the button that adds a row says, where "Add ..." would not do."""
    empty_advice: str | Promise = ""
    """The next step for somebody who finds the list empty."""

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[QuickChangeList]:
        return QuickChangeList

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What the address fills in already, unless no such column could hold it."""
        given = super().get_changeform_initial_data(request)
        return {name: value for name, value in given.items() if self._could_hold(name, value)}

    def _could_hold(self, name: str, value: Any) -> bool:
        try:
            self.opts.get_field(name).to_python(value)
        except FieldDoesNotExist:
            return True  # a field of the form alone
        except ValidationError:
            return False
        return True

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """The list; who scans or types the very code of one row is led to its page.

        Where other rows are found too, a plain word may have been meant as a word.
        """
        page = super().changelist_view(request, extra_context)
        changelist = getattr(page, "context_data", {}).get("cl")
        if changelist is None or not changelist.query or changelist.is_popup:
            return page
        text, found = changelist.query.strip(), list(changelist.result_list)
        called = [row for row in found if self.is_called(row, text)]
        if len(called) == 1 and (len(found) == 1 or not text.isalpha()):
            return redirect(changelist.url_for_result(called[0]))
        return page

    def is_called(self, row: Any, text: str) -> bool:
        """Whether the text is a code of just this row."""
        return False

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        """Back to the list, where it can be searched for."""
        advice = _("There is no such %(name)s. It may have been deleted, or the link is wrong.")
        advice %= {"name": opts.verbose_name}
        self.message_user(request, advice, messages.WARNING)
        return redirect(f"admin:{opts.app_label}_{opts.model_name}_changelist")


class ReadOnlyAdmin(QuickList):
    """Rows that nobody edits: they are history, and have none."""

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        return super().render_change_form(request, context | {"show_history": False}, **kwargs)


class OperationsAdmin(QuickList):
    """Adds, changes and deletes through operations; what they refuse is a sentence on the page.

    A subclass names the operations in ``create``, ``change`` and ``remove``.
    """

    form = OperationForm
    change_form_before_template = "common/seen_version.html"
    change_form_outer_before_template = "common/panel.html"
    delete_confirmation_template = "common/delete_confirmation.html"
    delete_selected_confirmation_template = "common/delete_confirmation.html"
    deletion_advice: str | Promise = ""
    """What deleting means, for somebody who is about to."""
    actions = ["delete_selected"]

    def create(self, values: dict[str, Any]) -> Model:
        """Call the operation that adds a row."""
        raise NotImplementedError

    def change(self, row: Any, changes: dict[str, Any], seen_version: int) -> None:
        """Call the operation that changes a row."""
        raise NotImplementedError

    def remove(self, row: Any) -> None:
        """Call the operation that deletes a row."""
        raise NotImplementedError

    def deletion_advice_for(self, rows: Sequence[Any]) -> str | Promise:
        """The advice, with what is special about these rows."""
        return self.deletion_advice

    def get_form(self, request: HttpRequest, obj: Any = None, **kwargs: Any):
        form = super().get_form(request, obj, **kwargs)
        form.refusal = getattr(request, "refusal", None)
        return form

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """The page, or the answer to its form; a refusal shows the form once more, and says so.

        By then the refused transaction has been rolled back.
        """
        try:
            with busy_refused():
                return super().changeform_view(request, *args, **kwargs)
        except DomainError as refusal:
            request.refusal = refusal  # type: ignore[attr-defined]  # read by get_form
            return super().changeform_view(request, *args, **kwargs)

    def panel(self, request: HttpRequest, row: Any) -> SafeString | str:
        """What stands at the top of a row's page."""
        return ""

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], **kwargs: Any
    ) -> HttpResponse:
        row = context.get("original")
        if row is not None:
            context |= {"panel": self.panel(request, row), "show_save_and_add_another": False}
        return super().render_change_form(request, context, **kwargs)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        if change:
            self.change(obj, form.changes(), form.cleaned_data.get("seen_version"))
        else:
            obj.pk = self.create(form.values()).pk
        obj.refresh_from_db()

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None):
        try:
            with busy_refused():
                page: Any = super().delete_view(request, object_id, extra_context)
        except DomainError as refusal:
            self._tell(request, refusal)
            meta = self.opts
            address = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[object_id])
            return redirect(address)
        row = getattr(page, "context_data", {}).get("object")
        if row is not None:
            page.context_data["advice"] = self.deletion_advice_for([row])
        return page

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove(obj)

    def get_deleted_objects(self, objs: Sequence[Any], request: HttpRequest):
        """What an operation deletes is the row; the rows that refer to it are its business."""
        name = model_ngettext(self.opts, len(objs))
        return [str(row) for row in objs], {name: len(objs)}, set(), []

    @admin.action(
        permissions=["delete"],
        description=gettext_lazy("Delete selected %(verbose_name_plural)s"),
    )
    def delete_selected(self, request: HttpRequest, queryset: QuerySet[Any]):
        """After a confirmation, row by row: what one row is refused does not stop the others."""
        rows = list(queryset.order_by("pk")[: MOST_DELETED + 1])
        if len(rows) > MOST_DELETED:
            advice = _("Select at most %(most)s at once; nothing was deleted.")
            self.message_user(request, advice % {"most": MOST_DELETED}, messages.ERROR)
            return None
        if not request.POST.get("post"):
            page: Any = confirmed_deletion(self, request, queryset)
            page.context_data["advice"] = self.deletion_advice_for(rows)
            return page
        deleted = [row for row in rows if self._delete_if_allowed(request, row)]
        if deleted:
            said = _("%(count)s %(names)s deleted: %(rows)s.") % {
                "count": len(deleted),
                "names": model_ngettext(self.opts, len(deleted)),
                "rows": _named(deleted),
            }
            self.message_user(request, said, messages.SUCCESS)
        return None

    def _delete_if_allowed(self, request: HttpRequest, row: Any) -> bool:
        try:
            with busy_refused():
                self._delete_logged(request, row)
        except DomainError as refusal:
            self._tell(request, refusal, about=f"{row}: ")
            return False
        return True

    @in_transaction
    def _delete_logged(self, request: HttpRequest, row: Any) -> None:
        self.remove(row)
        self.log_deletions(request, [row])

    def _tell(self, request: HttpRequest, refusal: DomainError, *, about: str = "") -> None:
        for _attribute, sentence in sentences(refusal):
            self.message_user(request, f"{about}{sentence}", messages.ERROR)


def _named(rows: Sequence[Any]) -> str:
    names, others = ", ".join(str(row) for row in rows[:MOST_NAMED]), len(rows) - MOST_NAMED
    more = _("%(names)s and %(count)s more") % {"names": names, "count": others}
    return more if others > 0 else names
