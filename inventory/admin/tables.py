"""Tables of stock on the pages of a product and of a stock level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib import admin
from unfold.admin import TabularInline
from unfold.forms import PaginationInlineFormSet

from common.backoffice.display import link, moment
from inventory.admin.display import adjust_link, available, change
from inventory.models import StockLevel, StockMovement

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


class StockLevelTable(ReadOnlyTable):
    """A product's stock at each location, with the way to adjust it."""

    model = StockLevel
    verbose_name_plural = "stock"
    fields = ["place", "on_hand", "reserved", "shown_available", "reorder_point", "to_adjust"]
    readonly_fields = fields
    ordering = ["location__priority", "location__code"]
    template_after = "inventory/after_levels.html"
    tab = True

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockLevel]:
        return super().get_queryset(request).select_related("location")

    def get_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        may_adjust = request.user.has_perm("inventory.adjust_stock") and obj.deleted_at is None
        return self.fields if may_adjust else self.fields[:-1]

    @admin.display(description="location")
    def place(self, level: StockLevel) -> SafeString:
        return link(level, level.location.name)

    @admin.display(description="available")
    def shown_available(self, level: StockLevel) -> SafeString:
        return available(level)

    @admin.display(description="")
    def to_adjust(self, level: StockLevel) -> SafeString:
        return adjust_link(level, query="?back=product")


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
    verbose_name_plural = f"latest {LATEST} movements"
    fields = ["at", "place", "change", "on_hand_after", "reason", "reference", "actor"]
    readonly_fields = fields
    template_after = "inventory/after_movements.html"

    def get_queryset(self, request: HttpRequest) -> QuerySet[StockMovement]:
        return super().get_queryset(request).select_related("location")

    @admin.display(description="when")
    def at(self, movement: StockMovement) -> SafeString:
        return link(movement, moment(movement.created_at))

    @admin.display(description="location")
    def place(self, movement: StockMovement) -> str:
        return movement.location.name

    @admin.display(description="change")
    def change(self, movement: StockMovement) -> SafeString:
        return change(movement)


class ProductMovementTable(MovementTable):
    ordering = ["-id"]
    tab = True


class LevelMovementTable(MovementTable):
    ordering = ["-sequence"]
    fields = [name for name in MovementTable.fields if name != "place"]
    readonly_fields = fields
