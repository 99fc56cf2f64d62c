"""The forms by which staff add, receive, cut, move and cancel a batch."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.db.models import Q, Sum
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
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
    """What has been ordered; what is here already is added by those who may receive it."""

    may_receive = False

    quantity = Units(min_value=1, label=gettext_lazy("Quantity"))
    eta = Day(
        label=gettext_lazy("ETA"),
        required=False,
        help_text=gettext_lazy("When it is expected. Empty: it is here, and received at once."),
    )

    class Meta:
        model = Batch
        fields = ("reference", "product", "location", "quantity", "eta")
        help_texts = {
            "reference": gettext_lazy("Your purchase order or delivery; each batch has its own.")
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not self.may_receive:
            self.fields["eta"].required = True
            self.fields["eta"].help_text = ""


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

    title = gettext_lazy("Receive batch")
    button = gettext_lazy("Receive")
    kind = "receive"

    quantity = Units(min_value=1, label=gettext_lazy("Arrived"), attrs={"autofocus": True})

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data, batch=batch)
        self.initial["quantity"] = batch.outstanding or None
        self.fields["quantity"].help_text = _("Units that are put on the shelf now.")

    def apply(self) -> str:
        arrived = self.cleaned_data["quantity"]
        batch = operations.receive_batch(batch_id=self.batch.pk, quantity=arrived)
        level = StockLevel.objects.get(product=batch.product_id, location=batch.location_id)
        told = {
            "batch": batch.reference,
            "arrived": arrived,
            "left": batch.outstanding,
            "sku": batch.product.sku,
            "location": batch.location.name,
            "before": level.on_hand - arrived,
            "after": level.on_hand,
        }
        if batch.outstanding:
            words = _("%(batch)s: %(arrived)s received, %(left)s outstanding.")
        else:
            words = _("%(batch)s: %(arrived)s received, complete.")
        stock = _("%(sku)s at %(location)s %(before)s → %(after)s.")
        return f"{words} {stock}" % told


class QuantityForm(BatchActionForm):
    """Fewer or more will come."""

    title = gettext_lazy("Change quantity")
    button = gettext_lazy("Change quantity")
    kind = "quantity"
    compared = ("quantity", "status")

    quantity = Units(min_value=1, label=gettext_lazy("Ordered in all"), attrs={"autofocus": True})

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data, batch=batch)
        self.initial["quantity"] = batch.quantity
        if batch.received_quantity:
            told = _("%(count)s have arrived: that number closes the batch.")
            self.fields["quantity"].help_text = told % {"count": batch.received_quantity}

    def apply(self) -> str:
        return _changed(self, quantity=self.cleaned_data["quantity"])


class EtaForm(BatchActionForm):
    """It will come on another day."""

    title = gettext_lazy("Move ETA")
    button = gettext_lazy("Move ETA")
    kind = "eta"
    compared = ("eta", "status")

    eta = Day(label=gettext_lazy("New ETA"))

    def __init__(self, data: Any = None, *, batch: Batch) -> None:
        super().__init__(data, batch=batch)
        self.initial["eta"] = batch.eta

    def apply(self) -> str:
        return _changed(self, eta=self.cleaned_data["eta"])


class CancellationForm(BatchActionForm):
    """What is outstanding will not come."""

    title = gettext_lazy("Cancel batch")
    button = gettext_lazy("Cancel the batch")
    stay = gettext_lazy("Keep it")
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
    what = ", ".join(told) or _("nothing had to be changed")
    moved = consequences(begin)
    others = []
    if len(moved) > NAMED:
        count = len(moved) - NAMED
        more = ngettext(
            "%(count)s more order is affected.", "%(count)s more orders are affected.", count
        )
        others = [more % {"count": count}]
    return " ".join([f"{batch.reference}: {what}.", *moved[:NAMED], *others])


SHOWN: Final[dict[str, tuple[Any, Any]]] = {
    "quantity": (pgettext_lazy("batch", "ordered"), str),
    "eta": (gettext_lazy("ETA"), day),
    "status": (gettext_lazy("status"), lambda status: Batch.Status(status).label.lower()),
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
