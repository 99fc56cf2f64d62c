"""The form that adjusts one stock level, and what becomes of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from django import forms
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from common.api.fields import MAX_QUANTITY
from common.backoffice.forms import PlainTextForm
from common.idempotency import once
from common.observability.context import current
from inventory import operations
from inventory.models import StockMovement
from inventory.rules import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    from common.errors import DomainError
    from inventory.models import StockLevel

REASONS: Final = [
    ("adjustment", "Adjustment"),
    ("receipt", "Receipt (adds)"),
    ("return", "Return (adds)"),
    ("sale", "Sale (takes away)"),
    ("damage", "Damage (takes away)"),
]


class AdjustmentForm(PlainTextForm):
    """A change by some units, or the quantity that somebody has counted.

    ``expected_quantity`` is what stood on the page, ``once`` makes sending the form twice
    harmless. Fields have the names that operations give to inputs.
    """

    quantity_delta = forms.IntegerField(
        label="Change by",
        required=False,
        min_value=-MAX_QUANTITY,
        max_value=MAX_QUANTITY,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"autofocus": True, "step": 1}),
        help_text="−3 takes three away, 12 adds twelve.",
    )
    quantity = forms.IntegerField(
        label="Or counted quantity",
        required=False,
        min_value=0,
        max_value=MAX_QUANTITY,
        widget=UnfoldAdminIntegerFieldWidget(attrs={"step": 1}),
        help_text="What is on the shelf, reserved units included.",
    )
    reason = forms.ChoiceField(
        choices=REASONS,
        widget=UnfoldAdminSelectWidget,
        help_text="A counted quantity is recorded as a count.",
    )
    reference = forms.CharField(
        required=False,
        max_length=255,
        widget=UnfoldAdminTextInputWidget,
        help_text="The order, delivery or ticket that it belongs to.",
    )
    note = forms.CharField(
        required=False, max_length=1000, widget=UnfoldAdminTextareaWidget(attrs={"rows": 2})
    )
    expected_quantity = forms.IntegerField(min_value=0, widget=forms.HiddenInput)
    once = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, data: Any = None, *, level: StockLevel, may_count: bool) -> None:
        super().__init__(
            data, initial={"expected_quantity": level.on_hand, "once": uuid4().hex}
        )
        if not may_count:
            del self.fields["quantity"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        delta, counted = self._entered("quantity_delta"), self._entered("quantity")
        if self.errors:
            return self.cleaned_data
        if (delta is None) == (counted is None):
            message = "Enter one of the two: a change" if delta is not None else "Enter a change"
            self.add_error(None, f"{message} or a counted quantity.")
        elif delta == 0:
            self.add_error("quantity_delta", "A change by 0 changes nothing.")
        return self.cleaned_data

    def _entered(self, name: str) -> int | None:
        return self.cleaned_data.get(name)

    def change(self, level: StockLevel) -> Change:
        entered = self.cleaned_data
        return Change(
            product_id=level.product_id,
            delta=entered["quantity_delta"],
            count=entered.get("quantity"),
            expected=entered["expected_quantity"],
            location=str(level.location_id),
            reason=entered["reason"],
            reference=entered["reference"],
            note=entered["note"],
        )

    def look_again(self, level: StockLevel) -> None:
        """What is sent next is judged by the figures that stand on the page now."""
        self.data = self.data.copy()
        self.data["expected_quantity"] = str(level.on_hand)
