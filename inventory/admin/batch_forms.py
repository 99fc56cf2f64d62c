"""The forms by which staff add, receive, cut, move and cancel a batch."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.db.models import Q, Sum
from unfold.widgets import UnfoldAdminTextInputWidget

from common.backoffice.forms import OperationForm
from common.database import ClockTimestamp
from common.errors import VersionMismatch
from common.ids import new_id
from inventory import operations
from inventory.admin.histories import consequences
from inventory.admin.promise_display import day
from inventory.admin.stock_fields import Units
from inventory.admin.stock_forms import StockForm
from inventory.models import Allocation, Batch, StockLevel

if TYPE_CHECKING:
    from collections.abc import Sequence

NAMED: Final = 20
"""Promises that a form tells of before it is sent, and changes of promises afterwards."""


class Day(forms.DateField):
    """A date, picked as the browser lets people pick one."""

    def __init__(self, **options: Any) -> None:
        widget = UnfoldAdminTextInputWidget({"type": "date"})
        super().__init__(widget=widget, input_formats=["%Y-%m-%d"], **options)

    def prepare_value(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, date) else value


class NewBatchForm(OperationForm):
    """What has been ordered."""

    quantity = Units(min_value=1)
    eta = Day(
        label="ETA",
        required=False,
        help_text="When it is expected. Empty: it is here, and received at once.",
    )

    class Meta:
        model = Batch
        fields = ("reference", "product", "location", "quantity", "eta")
        help_texts = {"reference": "Your purchase order or delivery; each batch has its own."}


class BatchActionForm(StockForm):
    """Something done to a batch. ``seen_*`` is what stood on the page; it is compared when the
    form is applied, so that nobody overwrites what somebody else has just decided.
    """

    reference = None  # type: ignore[assignment]  # the batch's own
    note = None  # type: ignore[assignment]  # operations on batches take none
    kind: ClassVar[str]
    """By which the preview knows what the form does."""
    compared: ClassVar[Sequence[str]] = ()

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data)
        self.batch = batch
        for name in self.compared:
            self.fields[f"seen_{name}"] = forms.CharField(widget=forms.HiddenInput)
            self.initial[f"seen_{name}"] = str(getattr(batch, name))

    @property
    def figures(self) -> dict[str, Any]:
        """What the preview reckons with."""
        batch = self.batch
        allocated, promises = _promises(batch)
        level = StockLevel.objects.filter(product=batch.product_id, location=batch.location_id)
        return {
            "kind": self.kind,
            "on_hand": level.values_list("on_hand", flat=True).first() or 0,
            "quantity": batch.quantity,
            "received": batch.received_quantity,
            "outstanding": batch.outstanding,
            "allocated": allocated,
            "eta": str(batch.eta),
            "promises": promises,
            "others": allocated - sum(each["quantity"] for each in promises),
        }

    def look_again(self) -> None:
        self.batch.refresh_from_db(
            fields=["quantity", "received_quantity", "allocated", "eta", "status"]
        )
        seen = {f"seen_{name}": str(getattr(self.batch, name)) for name in self.compared}
        self.data = dict(self.data.items()) | seen

    def check_seen(self) -> None:
        """Refuse what was decided on other figures than those of now."""
        now = Batch.objects.values(*self.compared).get(pk=self.batch.pk)
        if any(str(now[name]) != self.cleaned_data[f"seen_{name}"] for name in self.compared):
            raise VersionMismatch("The batch has changed since.")


class ReceiptForm(BatchActionForm):
    """All that is outstanding has arrived, or so many units. It commutes with what others do."""

    title = "Receive batch"
    button = "Receive"
    kind = "receive"

    quantity = Units(min_value=1, label="Arrived", attrs={"autofocus": True})

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data, batch=batch)
        self.initial["quantity"] = batch.outstanding or None
        self.fields["quantity"].help_text = "Units that are put on the shelf now."

    def apply(self) -> str:
        arrived = self.cleaned_data["quantity"]
        batch = operations.receive_batch(batch_id=self.batch.pk, quantity=arrived)
        level = StockLevel.objects.get(product=batch.product_id, location=batch.location_id)
        left = f"{batch.outstanding} outstanding" if batch.outstanding else "complete"
        stock = f"{batch.product.sku} at {batch.location.name} {level.on_hand - arrived}"
        return f"{batch.reference}: {arrived} received, {left}. {stock} → {level.on_hand}."


class QuantityForm(BatchActionForm):
    """Fewer or more will come."""

    title = "Change quantity"
    button = "Change quantity"
    kind = "quantity"
    compared = ("quantity", "status")

    quantity = Units(min_value=1, label="Ordered in all", attrs={"autofocus": True})

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data, batch=batch)
        self.initial["quantity"] = batch.quantity
        if batch.received_quantity:
            told = f"{batch.received_quantity} have arrived: that number closes the batch."
            self.fields["quantity"].help_text = told

    def apply(self) -> str:
        return _changed(self, quantity=self.cleaned_data["quantity"])


class EtaForm(BatchActionForm):
    """It will come on another day."""

    title = "Move ETA"
    button = "Move ETA"
    kind = "eta"
    compared = ("eta", "status")

    eta = Day(label="New ETA")

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data, batch=batch)
        self.initial["eta"] = batch.eta

    def apply(self) -> str:
        return _changed(self, eta=self.cleaned_data["eta"])


class CancellationForm(BatchActionForm):
    """What is outstanding will not come."""

    title = "Cancel batch"
    button = "Cancel the batch"
    stay = "Keep it"
    kind = "cancel"
    compared = ("received_quantity", "quantity", "status")

    def apply(self) -> str:
        return _changed(self, status=Batch.Status.CANCELLED)


def _changed(form: BatchActionForm, **changes: Any) -> str:
    """Change the batch, and say what that has made of it and of those who wait for it."""
    form.check_seen()
    begin = new_id()
    before = form.batch
    batch = operations.change_batch(batch_id=before.pk, changes=changes)
    told = [
        f"{title} {shown(getattr(before, name))} → {shown(getattr(batch, name))}"
        for name, (title, shown) in SHOWN.items()
        if getattr(before, name) != getattr(batch, name)
    ]
    what = ", ".join(told) or "nothing had to be changed"
    moved = consequences(begin)
    others = [f"{len(moved) - NAMED} more orders are affected."] if len(moved) > NAMED else []
    return " ".join([f"{batch.reference}: {what}.", *moved[:NAMED], *others])


SHOWN: Final[dict[str, tuple[str, Any]]] = {
    "quantity": ("ordered", str),
    "eta": ("ETA", day),
    "status": ("status", lambda status: Batch.Status(status).label.lower()),
}


def _promises(batch: Batch) -> tuple[int, list[dict[str, Any]]]:
    """Units that orders count on, and those orders, the latest first: as a cut takes them.

    Holds past their time are left out: they keep nobody from a cut, and nobody from a promise.
    """
    is_overdue = Q(
        line__reservation__status="active", line__reservation__expires_at__lte=ClockTimestamp()
    )
    rows = Allocation.objects.filter(batch=batch).exclude(is_overdue)
    total = rows.aggregate(total=Sum("quantity"))["total"] or 0
    named = rows.order_by("-pk").values_list("line__reservation__order_reference", "quantity")
    return total, [{"order": order, "quantity": quantity} for order, quantity in named[:NAMED]]
