"""Tables of movements on the pages of a product and of a stock level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from common.backoffice.display import figure, link, moment
from inventory.admin.display import change, reason
from inventory.models import StockMovement

if TYPE_CHECKING:
    from django.db.models import QuerySet
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

LATEST = 20


class ReadOnlyTable(TabularInline):
    extra = 0
    can_delete = False
    hide_title = True

    def has_add_permission(self, request: HttpRequest, obj: Any) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class LatestRows(PaginationInlineFormSet):
    """The first rows only; the list with all of them is a link away."""

    def get_queryset(self) -> list[Any]:
        if not hasattr(self, "_latest"):
            self._latest = list(super().get_queryset()[:LATEST])
        return self._latest


class MovementTable(ReadOnlyTable):
    """The latest movements, newest first."""

    model = StockMovement
    formset = LatestRows
    verbose_name_plural = gettext_lazy("latest movements")
    fields = ["at", "place", "change", "after", "because", "reference", "actor"]
    readonly_fields = fields
    template_after = "inventory/after_movements.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockMovement]:
        return super().get_queryset(request).select_related("location")

    @admin.display(description=gettext_lazy("When"))
    def at(self, movement: StockMovement) -> SafeString:
        return link(movement, moment(movement.created_at))

    @admin.display(description=gettext_lazy("Location"))
    def place(self, movement: StockMovement) -> str:
        return movement.location.name

    @admin.display(description=pgettext_lazy("of stock", "Change"))
    def change(self, movement: StockMovement) -> SafeString:
        return change(movement)

    @admin.display(description=gettext_lazy("On hand after"))
    def after(self, movement: StockMovement) -> SafeString:
        return figure(movement.on_hand_after)

    @admin.display(description=gettext_lazy("Reason"))
    def because(self, movement: StockMovement) -> SafeString:
        return reason(movement)


class ProductMovementTable(MovementTable):
    ordering = ["-id"]
    tab = True


class LevelMovementTable(MovementTable):
    ordering = ["-sequence"]
    fields = [name for name in MovementTable.fields if name != "place"]
    readonly_fields = fields
