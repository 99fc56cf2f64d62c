"""Lists whose rows can be taken out as a file, and brought in by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin

from common.importing.admin.pages import exportable, importable

if TYPE_CHECKING:
    from django.http import HttpRequest, HttpResponse


class WithFiles(ModelAdmin):
    """Offers the export of what the list shows, and the import, to those who may."""

    files: ClassVar[str] = ""
    """The kind of rows, by its name in ``common.importing.kinds``."""

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        links = {"file_links": self._file_links(request)}
        return super().changelist_view(request, links | (extra_context or {}))

    def _file_links(self, request: HttpRequest) -> list[dict[str, str]]:
        """Each with its title, its icon and where it leads."""
        shown = [(name, value) for name, values in request.GET.lists() for value in values]
        offered = [
            (_("Export"), "download", "export", exportable, shown),
            (_("Import"), "upload_file", "add", importable, []),
        ]
        return [
            {
                "title": title,
                "icon": icon,
                "href": f"{reverse(f'admin:importing_import_{page}')}?"
                + urlencode([("kind", self.files), *query]),
            }
            for title, icon, page, kinds, query in offered
            if any(kind.name == self.files for kind in kinds(request.user))
        ]
