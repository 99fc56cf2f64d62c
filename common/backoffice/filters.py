"""Filters that any list can have."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import TYPE_CHECKING, Any

from django.contrib.admin import FieldListFilter
from django.utils.timezone import get_current_timezone
from django.utils.translation import gettext as _

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest


class DatesFilter(FieldListFilter):
    """From one day to another, both of them included; either may be left open.

    What is no date is no limit, as if the field were empty.
    """

    template = "common/dates_filter.html"

    def __init__(
        self,
        field: Any,
        request: HttpRequest,
        params: Any,
        model: Any,
        model_admin: Any,
        field_path: str,
    ) -> None:
        self.first, self.last = f"{field_path}_from", f"{field_path}_to"
        super().__init__(field, request, params, model, model_admin, field_path)
        self.days = {name: _day(request.GET.get(name, "")) for name in (self.first, self.last)}

    def expected_parameters(self) -> list[str | None]:
        return [self.first, self.last]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        first, last = self.days[self.first], self.days[self.last]
        if first:
            queryset = queryset.filter(**{f"{self.field_path}__gte": _midnight(first)})
        if last and last < date.max:
            day_after = _midnight(last + timedelta(days=1))
            queryset = queryset.filter(**{f"{self.field_path}__lt": day_after})
        return queryset

    def choices(self, changelist: Any):
        """The form's fields, and what else stands in the address and has to stay there."""
        params = changelist.get_filters_params(changelist.params)
        others = {name: values for name, values in params.items() if name not in self.days}
        yield {
            "is_chosen": any(self.days.values()),
            "fields": [
                (self.first, _("From"), self.days[self.first]),
                (self.last, _("To"), self.days[self.last]),
            ],
            "others": [
                (name, value)
                for name, values in others.items()
                for value in (values if isinstance(values, list) else [values])
            ],
            "query": changelist.query,
            "sorting": changelist.params.get("o", ""),
            "without": changelist.get_query_string(remove=self.expected_parameters()),
        }


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, tzinfo=get_current_timezone())
