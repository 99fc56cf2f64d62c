"""What staff can do to one stock level, and who may."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils.translation import gettext_lazy, pgettext_lazy

from inventory.admin.stock_forms import (
    AdjustmentForm,
    CountForm,
    LevelForm,
    ReceiptForm,
)
from inventory.admin.transfer_forms import TransferForm

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.functional import Promise

    from inventory.models import StockLevel


@dataclass(frozen=True, slots=True)
class StockAction:
    """A form for one stock level; ``name`` stands in its address."""

    name: str
    title: str | Promise
    icon: str
    permission: str
    form: type[LevelForm]

    def may_be_used(self, request: HttpRequest, level: StockLevel) -> bool:
        """The stock of deleted products can only be read."""
        return level.product.deleted_at is None and request.user.has_perm(self.permission)

    def address(self, level: StockLevel) -> str:
        return reverse(f"admin:inventory_stocklevel_{self.name}", args=[level.pk])


ACTIONS: Final = (
    StockAction(
        "receive", gettext_lazy("Receive"), "download", "inventory.receive_stock", ReceiptForm
    ),
    StockAction("adjust", gettext_lazy("Adjust"), "edit", "inventory.adjust_stock", AdjustmentForm),
    StockAction(
        "count", pgettext_lazy("action", "Count"), "tag", "inventory.count_stock", CountForm
    ),
    StockAction(
        "transfer",
        pgettext_lazy("action", "Transfer"),
        "local_shipping",
        "inventory.transfer_stock",
        TransferForm,
    ),
)


def links(request: HttpRequest, level: StockLevel, *, query: str = "") -> list[dict[str, Any]]:
    """The actions that this person may use; ``query`` says where their forms lead back to."""
    return [
        {"title": action.title, "icon": action.icon, "href": action.address(level) + query}
        for action in ACTIONS
        if action.may_be_used(request, level)
    ]
