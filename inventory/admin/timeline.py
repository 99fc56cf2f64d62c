"""The timeline of movements: narrowed down, led on from, taken out as a file."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

from django.contrib.admin import DateFieldListFilter, SimpleListFilter
from django.http import StreamingHttpResponse
from django.utils.timezone import localdate
from django.utils.translation import gettext_lazy

from common.backoffice.display import link
from common.backoffice.lists import QuickChangeList
from common.importing.writing import CONTENT_TYPES, csv_text
from inventory.admin.count_lines import uuid_in
from inventory.models import Batch, CountLine, CountSheet, Reservation

if TYPE_CHECKING:
    from collections.abc import Iterator
    from uuid import UUID

    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from inventory.models import StockMovement

AT_ONCE: Final = 2_000
"""Movements that are in memory while a file is made."""
COLUMNS: Final = {
    "created_at": "created_at",
    "sku": "product__sku",
    "product": "product__name",
    "location": "location__code",
    "delta": "delta",
    "on_hand_after": "on_hand_after",
    "reason": "reason",
    "reference": "reference",
    "note": "note",
    "actor": "actor",
    "request_id": "request_id",
    "sequence": "sequence",
    "id": "id",
}
"""The columns of the file, by the names that the API has for them."""
OF_ONE: Final = {"product__id__exact", "stock_level__id__exact"}
"""Parameters that narrow the list down to one product or stock level."""


class PeriodFilter(DateFieldListFilter):
    """The spans of time that are asked for most."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.title = gettext_lazy("period")


class WordFilter(SimpleListFilter):
    """What somebody types in, as a whole."""

    template = "inventory/timeline_filter.html"
    column: str

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("", "")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        word = (self.value() or "").strip()
        return queryset.filter(**{self.column: word}) if word else queryset

    def choices(self, changelist: Any):
        """The form's field, and what else stands in the address and has to stay there."""
        params = changelist.get_filters_params(changelist.params)
        yield {
            "name": self.parameter_name,
            "value": self.value() or "",
            "others": [
                (name, value)
                for name, values in params.items()
                for value in (values if isinstance(values, list) else [values])
                if name != self.parameter_name
            ],
            "query": changelist.query,
            "without": changelist.get_query_string(remove=[self.parameter_name]),
        }


class ReferenceFilter(WordFilter):
    title = gettext_lazy("reference")
    parameter_name = column = "reference"


class ActorFilter(WordFilter):
    """Who did it; offered for one product or level, since no index leads from actors to rows."""

    title = gettext_lazy("actor")
    parameter_name = column = "actor"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        is_useful = self.value() or OF_ONE & request.GET.keys()
        return [("", "")] if is_useful else []


class SheetFilter(SimpleListFilter):
    """What one count sheet has written; the page of the sheet leads here."""

    title = gettext_lazy("count sheet")
    parameter_name = "sheet"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The sheet that is chosen: there are too many to offer."""
        chosen = self.value()
        return [(chosen, self._name(request, chosen))] if chosen else []

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen = self.value()
        if not chosen:
            return queryset
        sheet_id = uuid_in(chosen)
        return queryset.filter(count_line__sheet=sheet_id) if sheet_id else queryset.none()

    def _name(self, request: HttpRequest, chosen: str) -> str:
        sheet_id = uuid_in(chosen)
        if sheet_id is None or not request.user.has_perm("inventory.view_countsheet"):
            return "–"
        sheet = CountSheet.objects.filter(pk=sheet_id).first()
        return sheet.name if sheet else "–"


class MovementList(QuickChangeList):
    """A page of movements that know what their references name: three more queries for a page."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        movements: list[Any] = list(self.result_list)  # type: ignore[has-type]  # set by super()
        known = named_by(request, movements)
        for movement in movements:
            movement.named = known.get(movement.pk)
        self.result_list = movements


def named_by(request: HttpRequest, movements: list[StockMovement]) -> dict[UUID, Any]:
    """What the reference of each movement names, if this person may see it.

    The count sheet that has written the movement, else the batch, else the latest reservation.
    """
    sheets = _sheets_of(request, movements)
    others = [movement for movement in movements if movement.pk not in sheets]
    known = _called(request, {movement.reference for movement in others} - {""})
    return sheets | {movement.pk: known.get(movement.reference) for movement in others}


def _sheets_of(request: HttpRequest, movements: list[StockMovement]) -> dict[UUID, Any]:
    counts = [movement.pk for movement in movements if movement.reason == "count"]
    if not counts or not request.user.has_perm("inventory.view_countsheet"):
        return {}
    lines = CountLine.objects.filter(movement__in=counts).select_related("sheet")
    return {line.movement_id: line.sheet for line in lines}  # type: ignore[misc]  # all have one


def _called(request: HttpRequest, references: set[str]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if references and request.user.has_perm("inventory.view_reservation"):
        rows = Reservation.objects.filter(order_reference__in=references)
        latest = rows.order_by("order_reference", "-pk").distinct("order_reference")
        found |= {row.order_reference: row for row in latest.only("order_reference")}
    if references and request.user.has_perm("inventory.view_batch"):
        batches = Batch.objects.filter(reference__in=references).only("reference")
        found |= {row.reference: row for row in batches}
    return found


def reference(movement: Any) -> SafeString | str:
    """The reference, with a link where it is known what it names."""
    return link(movement.named, movement.reference) if movement.named else movement.reference


def exported(movements: QuerySet[StockMovement]) -> StreamingHttpResponse:
    """The movements as CSV, the oldest first, sent while they are read: any number of them.

    Text that a spreadsheet would take for a formula is made harmless; times are of UTC.
    """
    response = StreamingHttpResponse(
        csv_text(list(COLUMNS), _rows(movements)), content_type=CONTENT_TYPES["csv"]
    )
    name = f"movements-{localdate():%Y-%m-%d}.csv"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _rows(movements: QuerySet[StockMovement]) -> Iterator[list[Any]]:
    """Page by page, each beginning after the last id of the one before."""
    rows = movements.order_by("pk").values_list(*COLUMNS.values())
    page = list(rows[:AT_ONCE])
    while page:
        for created_at, *others in page:
            yield [created_at.astimezone(UTC).isoformat(), *others]
        page = list(rows.filter(pk__gt=page[-1][-1])[:AT_ONCE])
