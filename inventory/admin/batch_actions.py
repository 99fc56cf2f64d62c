"""What staff can do to a batch that is on its way, and who may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory.admin.batch_forms import (
    BatchActionForm,
    CancellationForm,
    EtaForm,
    QuantityForm,
    ReceiptForm,
)

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import Promise

    from inventory.models import Batch


@dataclass(frozen=True, slots=True)
class BatchAction:
    """A form for one batch; ``name`` stands in its address."""

    name: str
    title: str | Promise
    icon: str
    permission: str
    form: type[BatchActionForm]

    def is_refused(self, batch: Batch) -> bool:
        """Whether the product has been deleted and nothing can be put on its shelf any more."""
        return self.form is ReceiptForm and batch.product.deleted_at is not None


CHANGE: Final = "inventory.change_batch"
ACTIONS: Final = (
    BatchAction(
        "receive", gettext_lazy("Receive"), "download", "inventory.receive_batch", ReceiptForm
    ),
    BatchAction("quantity", gettext_lazy("Change quantity"), "edit", CHANGE, QuantityForm),
    BatchAction("eta", gettext_lazy("Move ETA"), "event", CHANGE, EtaForm),
    BatchAction("cancel", gettext_lazy("Cancel"), "block", CHANGE, CancellationForm),
)


def links(request: HttpRequest, batch: Batch) -> list[dict[str, Any]]:
    """The actions that this person may use; nothing is done to a batch that is closed."""
    if not batch.outstanding:
        return []
    return [
        {
            "title": action.title,
            "icon": action.icon,
            "href": reverse(f"admin:inventory_batch_{action.name}", args=[batch.pk]),
        }
        for action in ACTIONS
        if request.user.has_perm(action.permission) and not action.is_refused(batch)
    ]


def product_is_gone(batch: Batch) -> str:
    """What to do with a batch of a product that has been deleted; nothing to say otherwise."""
    product = batch.product
    told = _("%(sku)s has been deleted: cancel the batch.") % {"sku": product.sku}
    return told if product.deleted_at else ""
