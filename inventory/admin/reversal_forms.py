"""The forms by which staff take back what was booked by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.timezone import localtime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from inventory import operations
from inventory.admin.display import reason_word
from inventory.admin.stock_forms import StockForm, figures, place
from inventory.admin.transfer_forms import transferred
from inventory.models import StockLevel

if TYPE_CHECKING:
    from inventory.admin.stock_forms import Figures
    from inventory.models import StockMovement, Transfer


class MovementReversalForm(StockForm):
    """The opposite of a movement."""

    title = gettext_lazy("Reverse movement")
    button = gettext_lazy("Reverse it")
    reference = None  # type: ignore[assignment]  # the movement's own goes with it

    def __init__(self, data: Any = None, *, movement: StockMovement) -> None:
        super().__init__(data)
        self.movement = movement
        what = _("%(reason)s of %(count)s") % {
            "reason": reason_word(movement),
            "count": abs(movement.delta),
        }
        self.about = sentence(what, movement)

    @property
    def levels(self) -> list[Figures]:
        return [figures(self.movement.stock_level) | {"change": -self.movement.delta}]

    def look_again(self) -> None:
        self.movement.stock_level.refresh_from_db(fields=["on_hand", "reserved", "available"])

    def apply(self) -> str:
        note = self.cleaned_data["note"]
        opposite = operations.reverse_movement(movement_id=self.movement.pk, note=note)
        before = opposite.on_hand_after - opposite.delta
        return _("%(place)s: %(before)s → %(after)s (reversal).") % {
            "place": place(self.movement.stock_level),
            "before": before,
            "after": opposite.on_hand_after,
        }


class TransferReversalForm(StockForm):
    """The units of a transfer back to where they came from."""

    title = gettext_lazy("Reverse transfer")
    button = gettext_lazy("Bring them back")
    reference = None  # type: ignore[assignment]  # the transfer's own goes with it

    def __init__(self, data: Any = None, *, transfer: Transfer) -> None:
        super().__init__(data)
        self.transfer = transfer
        what = _("Transfer of %(count)s from %(origin)s to %(target)s") % {
            "count": transfer.quantity,
            "origin": transfer.from_location.name,
            "target": transfer.to_location.name,
        }
        self.about = sentence(what, transfer)

    @property
    def levels(self) -> list[Figures]:
        transfer = self.transfer
        changes = {
            transfer.to_location_id: -transfer.quantity,
            transfer.from_location_id: transfer.quantity,
        }
        rows = StockLevel.objects.filter(product=transfer.product, location__in=changes)
        return [
            figures(level) | {"change": changes[level.location_id]}
            for level in rows.select_related("location")
        ]

    def apply(self) -> str:
        note = self.cleaned_data["note"]
        opposite = operations.reverse_transfer(transfer_id=self.transfer.pk, note=note)
        return transferred(opposite, opposite.product.sku)


def sentence(what: str, row: StockMovement | Transfer) -> str:
    """What is to be reversed: ``Sale of 5 (SO-12902) on 20 Nov 2026, 12:55 UTC, by till-1.``"""
    when = date_format(localtime(row.created_at), "j M Y, H:i T")
    told = {"what": what, "reference": row.reference, "when": when, "actor": row.actor}
    if row.reference:
        return _("%(what)s (%(reference)s) on %(when)s, by %(actor)s.") % told
    return _("%(what)s on %(when)s, by %(actor)s.") % told
