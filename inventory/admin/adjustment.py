"""The form that adjusts one stock level, and what becomes of it."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
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
from common.backoffice.forms import StaffForm
from common.idempotency import once
from common.observability.context import current
from inventory import operations
from inventory.rules import Change

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest

    from inventory.models import StockLevel

    Log = Callable[[str], object]

REASONS: Final = [
    ("adjustment", "Adjustment"),
    ("receipt", "Receipt (adds)"),
    ("return", "Return (adds)"),
    ("sale", "Sale (takes away)"),
    ("damage", "Damage (takes away)"),
]


class AdjustmentForm(StaffForm, forms.Form):
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
        super().__init__(data, initial={"expected_quantity": level.on_hand, "once": uuid4()})
        if not may_count:
            del self.fields["quantity"]

    def clean(self) -> dict[str, Any]:
        super().clean()
        delta, counted = self.cleaned_data.get("quantity_delta"), self.cleaned_data.get("quantity")
        if delta == 0:
            self.add_error("quantity_delta", "A change by 0 changes nothing.")
        elif not self.errors and (delta is None) == (counted is None):
            self.add_error(None, "Enter either a change or a counted quantity.")
        return self.cleaned_data

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
        self.data = dict(self.data.items()) | {"expected_quantity": str(level.on_hand)}


def adjust(level: StockLevel, form: AdjustmentForm, request: HttpRequest, log: Log) -> str:
    """Adjust a stock level as its valid form says, and say what has become of it.

    The same form sent again is told the same, and nothing is done. ``log`` is called with the
    sentence, in the transaction of the change. Refuses as ``operations.adjust_stock`` does, and
    with KeyReused and InProgress.
    """
    change, path = form.change(level), request.path.rstrip("/")
    said: list[str] = []

    def apply() -> once.Answer:
        operations.adjust_stock(changes=[change])
        said[:] = [_outcome(level, change)]
        log(said[0])
        return once.Answer(HTTPStatus.OK, said[0].encode())

    given = once.apply_once(
        scope=once.Scope(f"staff:{request.user.pk}", "POST", path, form.cleaned_data["once"].hex),
        fingerprint=once.fingerprint("POST", path, [], asdict(change)),
        apply=apply,
    )
    return given.body.decode() if given else said[0]


def _outcome(level: StockLevel, change: Change) -> str:
    """What this request has done to the level, which is still locked: ``MUG at main: 7 → 4``."""
    place = f"{level.product.sku} at {level.location.code}"
    movements = level.movements.filter(request_id=current().request_id)
    movement = movements.order_by("-sequence").first()
    if movement is None:
        return f"{place}: {change.count}, as counted. Nothing had to be changed."
    after = movement.on_hand_after
    return f"{place}: {after - movement.delta} → {after} ({movement.reason})"
