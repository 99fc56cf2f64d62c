"""The forms by which staff change one stock level: adjust, count, transfer.

Each shows what it will change before it is sent, and says afterwards what it has changed. Fields
check shapes; the operations decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django import forms
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from common.backoffice.forms import StaffForm
from common.observability.context import current
from inventory import operations
from inventory.admin.stock_fields import EFFECTS, KINDS, Choices, Units
from inventory.models import Location, StockLevel
from inventory.rules import Change

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from inventory.models import StockMovement, Transfer

    Figures = dict[str, Any]


class StockForm(StaffForm, forms.Form):
    """Something that staff do to stock; ``once`` makes sending the form twice harmless."""

    title: ClassVar[str]
    button: ClassVar[str]
    stay: ClassVar[str] = "Cancel"
    """What the link back says."""
    arguments: ClassVar[Mapping[str, str]] = {}
    """The names that operations have for fields, where they differ."""
    about = ""
    """What the form is about, where the stock level does not say it."""

    reference = forms.CharField(
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text="The order, delivery or ticket that it belongs to.",
    )
    note = forms.CharField(
        required=False, max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    once = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, **options: Any) -> None:
        super().__init__(data, **options)
        self.initial["once"] = uuid4()

    def apply(self) -> str:
        """Call the operation, and say what it has done."""
        raise NotImplementedError

    def look_again(self) -> None:
        """Read the figures anew: those that stood on the page have been refused."""

    @property
    def levels(self) -> list[Figures]:
        """The stock levels that the form may change, for the preview."""
        raise NotImplementedError

    def entered(self) -> dict[str, Any]:
        """What makes two sendings of the form the same."""
        return {name: value for name, value in self.cleaned_data.items() if name != "once"}

    def _argument(self, name: str) -> str:
        return self.arguments.get(name, name)


class LevelForm(StockForm):
    """Something done to one stock level; ``expected_quantity`` is what stood on the page."""

    expected_quantity = forms.IntegerField(min_value=0, widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, level: StockLevel) -> None:
        super().__init__(data, initial={"expected_quantity": level.on_hand})
        self.level = level

    def look_again(self) -> None:
        self.level.refresh_from_db(fields=["on_hand", "reserved", "available"])
        seen_now = {"expected_quantity": str(self.level.on_hand)}
        self.data = dict(self.data.items()) | seen_now

    @property
    def levels(self) -> list[Figures]:
        return [figures(self.level)]

    def change(self, **what: Any) -> Change:
        return Change(
            product_id=self.level.product_id,
            location=str(self.level.location_id),
            reference=self.cleaned_data["reference"],
            note=self.cleaned_data["note"],
            **what,
        )

    def moved_since(self, before: int) -> str:
        """What to add when others have moved stock while the form was filled in."""
        expected = self.cleaned_data["expected_quantity"]
        return "" if expected == before else f" It was {expected} when you opened the form."


class AdjustmentForm(LevelForm):
    """Some units more or less. It commutes with what others do, so it is never stale."""

    title = "Adjust stock"
    button = "Adjust stock"
    arguments: ClassVar = {"quantity": "quantity_delta", "kind": "reason"}
    field_order = ("kind", "quantity", "reference", "note")

    kind = forms.ChoiceField(choices=KINDS, widget=Choices, label="What happened")
    quantity = Units(min_value=1, label="Units")

    def apply(self) -> str:
        sign, reason = EFFECTS[self.cleaned_data["kind"]]
        delta = sign * self.cleaned_data["quantity"]
        operations.adjust_stock(changes=[self.change(delta=delta, reason=reason)])
        self.level.refresh_from_db(fields=["on_hand"])
        after = self.level.on_hand
        outcome = f"{after - delta} → {after} ({reason})."
        return f"{place(self.level)}: {outcome}{self.moved_since(after - delta)}"


class CountForm(LevelForm):
    """What somebody has counted; refused when stock has moved since the form was opened."""

    title = "Count stock"
    button = "Set to what I counted"
    field_order = ("quantity", "release_latest", "reference", "note")

    quantity = Units(
        min_value=0,
        label="Counted",
        attrs={"autofocus": True},
        help_text="All units on the shelf, also those that are reserved.",
    )
    release_latest = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label="Take promises back where fewer are there",
        help_text="The latest first. Their orders get other stock at once, or the next that comes.",
    )

    def __init__(self, data: Any = None, *, level: StockLevel) -> None:
        super().__init__(data, level=level)
        if not level.reserved:
            del self.fields["release_latest"]

    def apply(self) -> str:
        counted = self.cleaned_data["quantity"]
        change = self.change(
            count=counted,
            expected=self.cleaned_data["expected_quantity"],
            release_latest=self.cleaned_data.get("release_latest", False),
        )
        operations.adjust_stock(changes=[change])
        movement = self.level.movements.latest("sequence")
        if movement.request_id != current().request_id:
            return f"{place(self.level)}: {counted}, as counted. Nothing had to be changed."
        before = movement.on_hand_after - movement.delta
        difference = f"{movement.delta:+}".replace("-", "−")
        outcome = f"{place(self.level)}: {before} → {counted} (count, {difference})."
        return f"{outcome}{self._taken_back()}"

    def _taken_back(self) -> str:
        """What to add when orders have lost units that were promised to them from here."""
        before = self.level.reserved
        self.level.refresh_from_db(fields=["reserved"])
        return f" Reserved: {before} → {self.level.reserved}." * (self.level.reserved < before)


class Destination(forms.ModelChoiceField):
    """A location, with what it has of the product already."""

    levels: Mapping[Any, StockLevel] = {}

    def label_from_instance(self, location: Location) -> str:
        level = self.levels.get(location.pk)
        return f"{location.name} ({level.on_hand if level else 0} on hand)"


class TransferForm(LevelForm):
    """Some units of one level to another location. It commutes with what others do, too."""

    title = "Transfer stock"
    button = "Transfer"
    field_order = ("to_location", "quantity", "reference", "note")

    to_location = Destination(
        Location.objects.filter(is_active=True).order_by("priority", "code"),
        label="To",
        empty_label=None,
        widget=UnfoldAdminSelectWidget,
    )
    quantity = Units(min_value=1, label="Units", attrs={"autofocus": True})

    def __init__(self, data: Any = None, *, level: StockLevel) -> None:
        super().__init__(data, level=level)
        destination: Any = self.fields["to_location"]
        destination.queryset = destination.queryset.exclude(pk=level.location_id)
        destination.levels = self._levels()
        if not destination.queryset:
            destination.help_text = "There is no other active location."

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


def figures(level: StockLevel) -> Figures:
    """A level as the preview reads it."""
    return {
        "location": str(level.location_id),
        "name": level.location.name,
        "on_hand": level.on_hand,
        "reserved": level.reserved,
    }


def place(level: StockLevel) -> str:
    return f"{level.product.sku} at {level.location.name}"


def transferred(transfer: Transfer, sku: str) -> str:
    """``2 of MUG: Main 7 → 5, Outlet 0 → 2.``"""
    legs = transfer.movements.select_related("location").order_by("delta")
    return f"{transfer.quantity} of {sku}: {', '.join(_legs(legs))}."


def _legs(movements: Iterable[StockMovement]) -> Iterable[str]:
    for movement in movements:
        before = movement.on_hand_after - movement.delta
        yield f"{movement.location.name} {before} → {movement.on_hand_after}"
