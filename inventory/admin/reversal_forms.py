"""The forms by which staff take back what was booked by mistake."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.formats import date_format
from django.utils.timezone import localtime

from inventory import operations
from inventory.admin.display import reason_word
from inventory.admin.stock_forms import StockForm, figures, place, transferred
from inventory.models import StockLevel

if TYPE_CHECKING:
    from inventory.admin.stock_forms import Figures
    from inventory.models import StockMovement, Transfer


class MovementReversalForm(StockForm):
    """The opposite of a movement."""

    title = "Reverse movement"
    button = "Reverse it"
    reference = None  # type: ignore[assignment]  # the movement's own goes with it

    def __init__(self, data: Any = None, *, movement: StockMovement) -> None:
        super().__init__(data)
        self.movement = movement
        self.about = sentence(f"{reason_word(movement)} of {abs(movement.delta)}", movement)

    @property
    def levels(self) -> list[Figures]:
        return [figures(self.movement.stock_level) | {"change": -self.movement.delta}]

    def look_again(self) -> None:
        self.movement.stock_level.refresh_from_db(fields=["on_hand", "reserved", "available"])

    def apply(self) -> str:
        note = self.cleaned_data["note"]
        opposite = operations.reverse_movement(movement_id=self.movement.pk, note=note)
        before = opposite.on_hand_after - opposite.delta
        return (
            f"{place(self.movement.stock_level)}: {before} → {opposite.on_hand_after} (reversal)."
        )


class TransferReversalForm(StockForm):
    """The units of a transfer back to where they came from."""

    title = "Reverse transfer"
    button = "Bring them back"
    reference = None  # type: ignore[assignment]  # the transfer's own goes with it

    def __init__(self, data: Any = None, *, transfer: Transfer) -> None:
        super().__init__(data)
        self.transfer = transfer
        way = f"{transfer.from_location.name} to {transfer.to_location.name}"
        self.about = sentence(f"Transfer of {transfer.quantity} from {way}", transfer)

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
    reference = f" ({row.reference})" if row.reference else ""
    return f"{what}{reference} on {when}, by {row.actor}."
