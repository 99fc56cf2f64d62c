"""Lists that stay quick however large their table grows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin.options import IncorrectLookupParameters
from django.core.paginator import Paginator
from django.db import DataError
from django.db.models import Value
from django.utils.functional import cached_property
from unfold.views import ChangeList

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest

MOST_COUNTED: Final = 1_000
"""Nobody reads further; and counting a million rows takes longer than finding one."""


class CappedPaginator(Paginator):
    """Counts no further than 1 000 rows, and pages no further."""

    template_name = "common/pagination.html"

    def validate_number(self, number: Any) -> int:
        """Past the end is the last page, before the start the first: a search stays a search."""
        return min(max(int(number), 1), self.num_pages)

    @cached_property
    def count(self) -> int:
        return min(self._counted, MOST_COUNTED)

    @property
    def is_capped(self) -> bool:
        """There are more: not counted, or left out by a search."""
        return self._counted > MOST_COUNTED or self._are_left_out

    @property
    def _are_left_out(self) -> bool:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # always, in the admin
        told = rows.query.annotations.get("are_left_out")
        return isinstance(told, Value) and told.value

    @cached_property
    def _counted(self) -> int:
        rows: QuerySet[Any] = self.object_list  # type: ignore[assignment]  # always, in the admin
        return rows.order_by()[: MOST_COUNTED + 1].count()


class QuickChangeList(ChangeList):
    """A page of a list; "Show all" is offered when the list shows less than everything."""

    def get_results(self, request: HttpRequest) -> None:
        """Refuse a filter that PostgreSQL cannot compare with as Django refuses others."""
        try:
            super().get_results(request)
        except (DataError, OverflowError) as error:
            raise IncorrectLookupParameters from error
        page_num = self.page_num  # type: ignore[has-type]  # set by the base class
        self.page_num = self.paginator.validate_number(page_num)
        if not self.query and not self.get_filters_params():
            self.full_result_count = self.result_count

    def _get_deterministic_ordering(self, ordering: list[Any]) -> list[Any]:
        """Rows that are equal go on by their key, in the same direction: as the indexes have it."""
        last = ordering[-1] if ordering else "pk"
        if last in {"pk", "-pk", "id", "-id"}:
            return ordering or ["pk"]
        return [*ordering, "-pk" if str(last).startswith("-") else "pk"]
