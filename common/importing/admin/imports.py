"""Imports in the back office: bring in, look at, apply, stop, undo."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.backoffice.admins import ReadOnlyAdmin
from common.backoffice.display import moment
from common.backoffice.refusals import busy_refused
from common.backoffice.sentences import translated
from common.database import after_commit, in_transaction
from common.errors import DomainError
from common.importing import operations
from common.importing.admin import pages
from common.importing.admin.display import outcome, progress, state, title_of
from common.importing.admin.exports import ExportViews
from common.importing.admin.forms import ApplyForm, UploadForm
from common.importing.applying import WORKS
from common.importing.carrying_on import carry_on
from common.importing.errors import AnotherFile, NotPermitted
from common.importing.kinds import kinds
from common.importing.models import Import
from common.importing.reading import is_zipped
from common.importing.tasks import work_on_import

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from django.db.models import QuerySet
    from django.utils.safestring import SafeString

SMALL = 64 * 1024
"""Bytes of a CSV file that is checked while somebody waits."""
A_MOMENT = 2.0


@admin.register(Import)
class ImportAdmin(ExportViews, ReadOnlyAdmin):
    """People see the imports of kinds that they may import; who only reads, of what they read."""

    list_display = ["shown_name", "of_kind", "shown_state", "figures_in_short", "by", "at"]
    list_filter = ["status"]
    ordering = ["-id"]
    sortable_by: Sequence[str] = []
    list_before_template = "importing/list_links.html"
    add_label: Any = gettext_lazy("Import a file")
    empty_advice: Any = gettext_lazy(
        "Files that are imported stay here, with all that they changed."
    )

    def has_module_permission(self, request: HttpRequest) -> bool:
        return bool(pages.seen_kinds(request.user))

    def has_view_permission(self, request: HttpRequest, obj: Import | None = None) -> bool:
        seen = pages.seen_kinds(request.user)
        return any(obj is None or kind.name == obj.kind for kind in seen)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(pages.importable(request.user))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Import]:
        seen = [kind.name for kind in pages.seen_kinds(request.user)]
        return super().get_queryset(request).filter(kind__in=seen)

    def get_urls(self) -> list[Any]:
        """The actions' addresses come before those that take the rest for an id."""
        views = {
            "progress": self.progress,
            "apply": self.apply,
            "stop": self.stop,
            "undo": self.undo,
            "rows": self.rows_file,
            "file": self.whole_file,
        }
        own = [
            path(
                f"<uuid:object_id>/{name}/",
                self.admin_site.admin_view(view),
                name=f"importing_import_{name}",
            )
            for name, view in views.items()
        ]
        return [*own, *self.export_urls(), *super().get_urls()]

    # Bringing a file in

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        offered = pages.importable(request.user)
        if not offered:
            raise PermissionDenied
        form = UploadForm(request.POST or None, request.FILES or None, offered=offered)
        if request.GET.get("kind") in {kind.name for kind in offered}:
            form.initial["kind"] = request.GET["kind"]
        if form.is_valid():
            try:
                return self._brought_in(request, form)
            except AnotherFile as refusal:
                form.refuse(refusal)
        context = pages.upload_context(offered) | {"form": form, "title": _("Import a file")}
        return self._page(request, "upload", context)

    def _brought_in(self, request: HttpRequest, form: UploadForm) -> HttpResponse:
        given = form.cleaned_data["file"]
        content = given.read()
        file = operations.add_import(
            import_id=form.import_id,
            kind=form.cleaned_data["kind"],
            name=given.name[-255:],
            content=content,
            actor=request.user.get_username(),
        )
        is_small = len(content) <= SMALL and not is_zipped(content)
        if is_small and file.status == Import.Status.CHECKING:
            carry_on(file.pk, seconds=A_MOMENT)
        else:
            _ask_for_work(file.pk)
        return redirect(_address(file))

    # Its page

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: Any = None,
    ) -> HttpResponse:
        file: Import | None = self.get_object(request, object_id)
        if file is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        return self._file_page(request, file, ApplyForm(file=file))

    def _file_page(self, request: HttpRequest, file: Import, form: ApplyForm) -> HttpResponse:
        context = pages.file_context(request, file) | {"form": form, "original": file}
        return self._page(request, "file", context)

    def progress(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """For the page's script: how far the work is."""
        file = self._file(request, object_id)
        work = WORKS.get(file.status)
        told = progress(file, work.rows(file.pk).count() if work else None)
        return JsonResponse(told, headers={"Cache-Control": "no-store"})

    # What can be done with it

    def apply(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        file = self._file(request, object_id)
        if not pages.may_apply(request.user, file):
            raise PermissionDenied
        form = ApplyForm(request.POST, file=file)
        if request.method != "POST" or not form.is_valid():
            return redirect(_address(file))
        try:
            with busy_refused():
                self._start(request, file, leaves_out=form.leaves_out)
        except NotPermitted as refusal:
            raise PermissionDenied from refusal
        except DomainError as refusal:
            form.refuse(refusal)
            return self._file_page(request, file, form)
        return redirect(_address(file))

    @in_transaction
    def _start(self, request: HttpRequest, file: Import, *, leaves_out: bool) -> None:
        """Start, and send the word once that is certain.

        Locks: the import (docs/locking.md).
        """
        actor = request.user.get_username()
        operations.start_applying(
            import_id=file.pk,
            actor=actor,
            leaves_out_wrong=leaves_out,
            permitted=partial(pages.may_apply, request.user),
        )
        self.log_change(request, file, "Applied.")
        _ask_for_work(file.pk)

    def stop(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        file = self._file(request, object_id)
        if not pages.may_stop(request.user, file):
            raise PermissionDenied
        if request.method == "POST":
            operations.stop(import_id=file.pk)
            self.log_change(request, file, "Stopped.")
        return redirect(_address(file))

    def undo(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """Asked once more: what that means, and then it is done."""
        file = self._file(request, object_id)
        if not pages.may_undo(request.user, file):
            raise PermissionDenied
        if request.method != "POST":
            context = {"file": file, "kind": kinds[file.kind], "back": _address(file)}
            return self._page(request, "undo", context | {"title": _("Undo the import")})
        try:
            with busy_refused():
                self._start_undoing(request, file)
        except NotPermitted as refusal:
            raise PermissionDenied from refusal
        except DomainError as refusal:
            self.message_user(request, translated(refusal.detail), messages.ERROR)
        return redirect(_address(file))

    @in_transaction
    def _start_undoing(self, request: HttpRequest, file: Import) -> None:
        """Likewise.

        Locks: the import, then its rows that were kept (docs/locking.md).
        """
        operations.start_undoing(
            import_id=file.pk,
            actor=request.user.get_username(),
            permitted=partial(pages.may_undo, request.user),
        )
        self.log_change(request, file, "Undone.")
        _ask_for_work(file.pk)

    def _file(self, request: HttpRequest, object_id: Any) -> Import:
        file: Import | None = self.get_object(request, str(object_id))
        if file is None:
            raise Http404
        return file

    def _page(self, request: HttpRequest, name: str, context: dict[str, Any]) -> HttpResponse:
        context = self.admin_site.each_context(request) | {"opts": self.opts} | context
        return TemplateResponse(request, f"importing/{name}.html", context)

    # Columns

    @admin.display(description=gettext_lazy("File"))
    def shown_name(self, file: Import) -> str:
        return file.name

    @admin.display(description=gettext_lazy("Rows of"))
    def of_kind(self, file: Import) -> str:
        return title_of(file)

    @admin.display(description=gettext_lazy("State"))
    def shown_state(self, file: Import) -> SafeString:
        return state(file)

    @admin.display(description=gettext_lazy("Rows"))
    def figures_in_short(self, file: Import) -> str:
        return outcome(file)

    @admin.display(description=gettext_lazy("By"))
    def by(self, file: Import) -> str:
        return file.applied_by or file.uploaded_by

    @admin.display(description=gettext_lazy("Brought in"))
    def at(self, file: Import) -> SafeString | None:
        return moment(file.created_at)


def _ask_for_work(import_id: UUID) -> None:
    after_commit(work_on_import.delay, str(import_id))


def _address(file: Import) -> str:
    return reverse("admin:importing_import_change", args=[file.pk])
