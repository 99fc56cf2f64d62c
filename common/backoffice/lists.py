"""Lists that stay quick however large their table grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.core.paginator import Paginator
from django.utils.functional import cached_property
from unfold.views import ChangeList

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

MOST_COUNTED: Final = 10_000
"""Nobody reads further; and counting a million rows takes longer than finding one."""


class CappedPaginator(Paginator):
    """Counts no further than 10 000 rows, and pages no further."""

    template_name = "common/pagination.html"

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_COUNTED)

    @property
    def is_capped(self) -> bool:
        return self._counted > MOST_COUNTED

    @cached_property
    def _counted(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # always, in the admin
        return rows.order_by()[: MOST_COUNTED + 1].count()


class QuickChangeList(ChangeList):
    """A page of a list; "Show all" is offered when the list shows less than everything."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        if not self.query and not self.get_filters_params():
            self.full_result_count = self.result_count
