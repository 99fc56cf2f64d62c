"""The forms by which staff change one stock level: receive, adjust, count.

Each shows what it will change before it is sent, and says afterwards what it has changed. Fields
check shapes; the operations decide.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import uuid4

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import (
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from common.backoffice.forms import StaffForm
from common.observability.context import current
from inventory import operations
from inventory.admin.stock_fields import EFFECTS, KINDS, Choices, Units
from inventory.models import StockLevel, StockMovement
from inventory.rules import Change

if TYPE_CHECKING:
    from collections.abc import Mapping

    from django.utils.functional import Promise

    Figures = dict[str, Any]


class StockForm(StaffForm, forms.Form):
    """Something that staff do to stock; ``once`` makes sending the form twice harmless."""

    title: ClassVar[str | Promise]
    button: ClassVar[str | Promise]
    stay: ClassVar[str | Promise] = gettext_lazy("Cancel")
    """What the link back says."""
    arguments: ClassVar[Mapping[str, str]] = {}
    """The names that operations have for fields, where they differ."""
    about: str | Promise = ""
    """What the form is about, where the stock level does not say it."""

    reference = forms.CharField(
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=gettext_lazy("The order, delivery or ticket that it belongs to."),
        label=gettext_lazy("Reference"),
    )
    note = forms.CharField(
        label=gettext_lazy("Note"),
        required=False,
        max_length=1000,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 2}),
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
        told = _("It was %(count)s when you opened the form.") % {"count": expected}
        return "" if expected == before else f" {told}"


class AdjustmentForm(LevelForm):
    """Some units more or less. It commutes with what others do, so it is never stale."""

    title = gettext_lazy("Adjust stock")
    button = gettext_lazy("Adjust stock")
    arguments: ClassVar = {"quantity": "quantity_delta", "kind": "reason"}
    field_order = ("kind", "quantity", "reference", "note")

    kind = forms.ChoiceField(choices=KINDS, widget=Choices, label=gettext_lazy("What happened"))
    quantity = Units(min_value=1, label=gettext_lazy("Units"))

    def apply(self) -> str:
        sign, reason = EFFECTS[self.cleaned_data["kind"]]
        delta = sign * self.cleaned_data["quantity"]
        operations.adjust_stock(changes=[self.change(delta=delta, reason=reason)])
        self.level.refresh_from_db(fields=["on_hand"])
        after = self.level.on_hand
        outcome = f"{after - delta} → {after} ({StockMovement.Reason(reason).label.lower()})."
        return f"{place(self.level)}: {outcome}{self.moved_since(after - delta)}"


class ReceiptForm(LevelForm):
    """A delivery that no batch announced: the most frequent adjustment, with a form of its own."""

    title = gettext_lazy("Receive stock")
    button = gettext_lazy("Receive")
    arguments: ClassVar = {"quantity": "quantity_delta"}
    field_order = ("quantity", "reference", "note")

    quantity = Units(
        min_value=1,
        label=gettext_lazy("Arrived"),
        attrs={"autofocus": True, "data-sign": "1"},
        help_text=gettext_lazy("Units that are put on the shelf now."),
    )

    def apply(self) -> str:
        units = self.cleaned_data["quantity"]
        operations.adjust_stock(changes=[self.change(delta=units, reason="receipt")])
        self.level.refresh_from_db(fields=["on_hand"])
        after = self.level.on_hand
        outcome = f"{after - units} → {after} ({StockMovement.Reason.RECEIPT.label.lower()})."
        return f"{place(self.level)}: {outcome}{self.moved_since(after - units)}"


class CountForm(LevelForm):
    """What somebody has counted; refused when stock has moved since the form was opened."""

    title = gettext_lazy("Count stock")
    button = gettext_lazy("Set to what I counted")
    field_order = ("quantity", "release_latest", "reference", "note")

    quantity = Units(
        min_value=0,
        label=gettext_lazy("Counted"),
        attrs={"autofocus": True},
        help_text=gettext_lazy("All units on the shelf, also those that are reserved."),
    )
    release_latest = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Take promises back where fewer are there"),
        help_text=gettext_lazy(
            "The latest first. Their orders get other stock at once, or the next that comes."
        ),
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
        movement = self.level.movements.order_by("-sequence").first()
        if movement is None or movement.request_id != current().request_id:
            told = _("%(place)s: %(count)s, as counted. Nothing had to be changed.")
            return told % {"place": place(self.level), "count": counted}
        before = movement.on_hand_after - movement.delta
        difference = f"{movement.delta:+}".replace("-", "−")
        outcome = _("%(place)s: %(before)s → %(after)s (count, %(difference)s).") % {
            "place": place(self.level),
            "before": before,
            "after": counted,
            "difference": difference,
        }
        return f"{outcome}{self._taken_back()}"

    def _taken_back(self) -> str:
        """What to add when orders have lost units that were promised to them from here."""
        before = self.level.reserved
        self.level.refresh_from_db(fields=["reserved"])
        after = self.level.reserved
        told = _("Reserved: %(before)s → %(after)s.") % {"before": before, "after": after}
        return f" {told}" if after < before else ""


def figures(level: StockLevel) -> Figures:
    """A level as the preview reads it."""
    return {
        "location": str(level.location_id),
        "name": level.location.name,
        "on_hand": level.on_hand,
        "reserved": level.reserved,
    }


def place(level: StockLevel) -> str:
    names = {"sku": level.product.sku, "location": level.location.name}
    return _("%(sku)s at %(location)s") % names
