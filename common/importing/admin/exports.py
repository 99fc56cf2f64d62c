"""Files to take out: what is in the lists, examples, wrong rows, and a file as it came."""

from __future__ import annotations

from typing import IO, TYPE_CHECKING, Any, Final

from django.contrib import admin, messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import FileResponse, Http404, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect
from django.urls import path, reverse
from django.utils.timezone import localdate
from django.utils.translation import gettext as _

from common.importing import writing
from common.importing.admin import pages
from common.importing.kinds import kinds
from common.importing.models import Import, ImportContent, ImportRow
from common.importing.reading import ADDED

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest

    from common.importing.kinds import Kind

READ_AT_ONCE: Final = 2_000
FORMATS: Final = ("csv", "xlsx")


class ExportViews:
    """Views of the admin of imports that answer with files."""

    def export_urls(self) -> list[Any]:
        views = {
            "export/": (self.export_page, "export"),
            "export/<slug:name>.<slug:form>": (self.export, "export_file"),
            "example/<slug:name>.<slug:form>": (self.example, "example"),
        }
        site: Any = self.admin_site  # type: ignore[attr-defined]  # an admin's
        return [
            path(route, site.admin_view(view), name=f"importing_import_{name}")
            for route, (view, name) in views.items()
        ]

    def export_page(self, request: HttpRequest) -> HttpResponse:
        """What can be taken out; ``?kind=`` and a list's filters choose."""
        offered = pages.exportable(request.user)
        if not offered:
            raise PermissionDenied
        filters = request.GET.copy()
        chosen = filters.pop("kind", [""])[-1]
        context = {
            "title": _("Export"),
            "kinds": [kind for kind in offered if chosen in ("", kind.name)] or offered,
            "query": filters.urlencode(),
            "most_in_xlsx": writing.MOST_IN_XLSX,
        }
        return self._page(request, "export", context)  # type: ignore[attr-defined]

    def export(self, request: HttpRequest, name: str, form: str) -> HttpResponse:
        """The rows of a list, filtered as the list is by the same query string."""
        kind = _kind(name, form)
        if not kind.may_export(request.user):
            raise PermissionDenied
        try:
            found, is_whole = _listed(request, kind)
        except IncorrectLookupParameters:
            return self._refused(request, kind, _("These filters cannot be understood."))
        if not is_whole:
            told = _("Too many are found by these words to export them all. Use a filter instead.")
            return self._refused(request, kind, told)
        rows = writing.rows_of(kind, _by_keyset(kind.exported(found)))
        if form == "csv":
            return _csv(f"{name}-{localdate()}", writing.headings(kind), rows)
        if found.order_by()[: writing.MOST_IN_XLSX + 1].count() > writing.MOST_IN_XLSX:
            told = _("XLSX holds at most %(most)s rows. Take CSV, or use a filter.")
            return self._refused(request, kind, told % {"most": writing.MOST_IN_XLSX})
        try:
            return _xlsx(f"{name}-{localdate()}", writing.xlsx_file(writing.headings(kind), rows))
        except writing.TooLong:
            return self._refused(request, kind, _("A text is too long for XLSX. Take CSV."))

    def _refused(self, request: HttpRequest, kind: Kind, told: str) -> HttpResponse:
        self.message_user(request, told, messages.ERROR)  # type: ignore[attr-defined]
        return redirect(f"{reverse('admin:importing_import_export')}?kind={kind.name}")

    def example(self, request: HttpRequest, name: str, form: str) -> HttpResponse:
        kind = _kind(name, form)
        if kind not in pages.importable(request.user):
            raise PermissionDenied
        head, rows = writing.headings(kind), writing.example_rows(kind)
        if form == "csv":
            return _csv(f"{name}-example", head, rows)
        return _xlsx(f"{name}-example", writing.xlsx_file(head, rows))

    def rows_file(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """What was wrong or refused, with the reasons: mended, it can be imported."""
        file: Import = self._file(request, object_id)  # type: ignore[attr-defined]
        states = ImportRow.objects.filter(file=file, state__in=["refused", "kept"])
        rows = states | ImportRow.objects.filter(file=file, action="wrong")
        head = [*ADDED, *file.headings]
        return _csv(f"{file.kind}-problems", head, _with_problems(file, rows))

    def whole_file(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The file as it was brought in."""
        file: Import = self._file(request, object_id)  # type: ignore[attr-defined]
        data = ImportContent.objects.get(pk=file.pk).data
        answer = HttpResponse(bytes(data), content_type="application/octet-stream")
        return _named(answer, file.name)


def _kind(name: str, form: str) -> Kind:
    if name not in kinds or form not in FORMATS:
        raise Http404
    return kinds[name]


def _listed(request: HttpRequest, kind: Kind) -> tuple[QuerySet[Any], bool]:
    """What the list shows for this query string, and whether that is all there is."""
    listing = admin.site.get_model_admin(kind.model)
    if not listing.has_view_permission(request):
        raise PermissionDenied
    changelist: Any = listing.get_changelist_instance(request)
    found = changelist.get_queryset(request)
    left_out = found.query.annotations.get("are_left_out")
    return found, not getattr(left_out, "value", False)


def _by_keyset(rows: QuerySet[Any]) -> Iterator[Any]:
    """All rows, some thousand at a time: no more of them are in memory."""
    rows = rows.order_by("pk")
    some = list(rows[:READ_AT_ONCE])
    while some:
        yield from some
        some = list(rows.filter(pk__gt=some[-1].pk)[:READ_AT_ONCE])


def _with_problems(file: Import, rows: QuerySet[ImportRow]) -> Iterator[list[Any]]:
    for row in _in_order(rows):
        told = "; ".join(
            f"{problem.column}: {problem.text}" if problem.column else problem.text
            for problem in row.told
        )
        yield [row.row, told, *(row.cells.get(name, "") for name in file.headings)]


def _in_order(rows: QuerySet[ImportRow]) -> Iterator[ImportRow]:
    rows = rows.order_by("row")
    some = list(rows[:READ_AT_ONCE])
    while some:
        yield from some
        some = list(rows.filter(row__gt=some[-1].row)[:READ_AT_ONCE])


def _csv(name: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> HttpResponse:
    text = writing.csv_text(head, rows)
    answer: Any = StreamingHttpResponse(text, content_type=writing.CONTENT_TYPES["csv"])
    return _named(answer, f"{name}.csv")


def _xlsx(name: str, file: IO[bytes]) -> Any:
    return FileResponse(
        file,
        as_attachment=True,
        filename=f"{name}.xlsx",
        content_type=writing.CONTENT_TYPES["xlsx"],
    )


def _named(answer: HttpResponse, name: str) -> HttpResponse:
    """To be kept, and never to be shown by a browser as a page of ours."""
    safe = "".join(letter if letter.isalnum() or letter in "-_. " else "_" for letter in name)
    plain = safe.encode("ascii", "replace").decode().replace("?", "_")
    answer["Content-Disposition"] = f'attachment; filename="{plain}"'
    answer["X-Content-Type-Options"] = "nosniff"
    return answer
