"""The form by which staff bring units of one stock level to another location."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget

from inventory import operations
from inventory.admin.stock_fields import Units
from inventory.admin.stock_forms import LevelForm, figures
from inventory.models import Location, StockLevel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inventory.models import StockMovement, Transfer

    Figures = dict[str, Any]


class Destination(forms.ModelChoiceField):
    """A location, with what it has of the product already."""

    levels: Mapping[Any, StockLevel] = {}

    def label_from_instance(self, location: Location) -> str:
        level = self.levels.get(location.pk)
        told = _("%(location)s (%(count)s on hand)")
        return told % {"location": location.name, "count": level.on_hand if level else 0}


class TransferForm(LevelForm):
    """Some units of one level to another location. It commutes with what others do, too."""

    title = gettext_lazy("Transfer stock")
    button = pgettext_lazy("action", "Transfer")
    field_order = ("to_location", "quantity", "reference", "note")

    to_location = Destination(
        Location.objects.filter(is_active=True).order_by("priority", "code"),
        label=pgettext_lazy("location", "To"),
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )
    quantity = Units(min_value=1, label=gettext_lazy("Units"), attrs={"autofocus": True})

    def __init__(self, data: Any = None, *, level: StockLevel) -> None:
        super().__init__(data, level=level)
        destination: Any = self.fields["to_location"]
        destination.queryset = destination.queryset.exclude(pk=level.location_id)
        destination.levels = self._levels()
        if not destination.queryset:
            destination.help_text = _("There is no other active location.")

    def _levels(self) -> dict[Any, StockLevel]:
        """The product's levels elsewhere, by location."""
        rows = StockLevel.objects.for_products([self.level.product_id])
        others = rows.exclude(pk=self.level.pk).select_related("location")
        return {level.location_id: level for level in others}

    @property
    def levels(self) -> list[Figures]:
        """This level, and what is at each destination."""
        destination: Any = self.fields["to_location"]
        known = self._levels()
        empty = (StockLevel(location=location) for location in destination.queryset)
        there = (known.get(level.location_id, level) for level in empty)
        return [figures(level) for level in (self.level, *there)]

    def apply(self) -> str:
        transfer = operations.transfer_stock(
            product_id=self.level.product_id,
            from_location=str(self.level.location_id),
            to_location=str(self.cleaned_data["to_location"].pk),
            quantity=self.cleaned_data["quantity"],
            reference=self.cleaned_data["reference"],
            note=self.cleaned_data["note"],
        )
        return transferred(transfer, self.level.product.sku)


def transferred(transfer: Transfer, sku: str) -> str:
    """``2 of MUG: Main 7 → 5, Outlet 0 → 2.``"""
    legs = transfer.movements.select_related("location").order_by("delta")
    told = {"count": transfer.quantity, "sku": sku, "places": ", ".join(_legs(legs))}
    return _("%(count)s of %(sku)s: %(places)s.") % told


def _legs(movements: Iterable[StockMovement]) -> Iterable[str]:
    for movement in movements:
        before = movement.on_hand_after - movement.delta
        yield f"{movement.location.name} {before} → {movement.on_hand_after}"
