"""The forms that take back many movements or transfers at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from common.backoffice.display import moment
from inventory import operations
from inventory.admin.bulk_forms import Cell, Row, SelectionForm
from inventory.admin.display import change, product_name, reason_word, some_of
from inventory.models import StockLevel, StockMovement, Transfer

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID


class MovementsReversal(SelectionForm):
    """The opposite of each of these movements, the newest first."""

    title = gettext_lazy("Reverse movements")
    button = gettext_lazy("Reverse all of them")
    reference = None  # type: ignore[assignment]  # each movement's own goes with it
    nothing_to_do = gettext_lazy("None of these movements can be reversed.")
    left_out = gettext_lazy(
        "Left out: what has been reversed already, what is part of a transfer (reverse that), and"
        " what is of deleted products."
    )

    def found(self, chosen: Collection[UUID]) -> Iterable[StockMovement]:
        rows = StockMovement.objects.filter(
            pk__in=chosen, reversal=None, transfer=None, product__deleted_at=None
        )
        rows = rows.select_related("product", "location", "stock_level")
        return rows.defer("product__search", "product__description").newest_first()

    def prepare(self, found: Sequence[StockMovement]) -> None:
        """What is on hand, and what becomes of it movement by movement."""
        self.on_hand = {row.stock_level_id: row.stock_level.on_hand for row in found}

    def row(self, of: StockMovement, seen: int | None) -> Row:
        before = self.on_hand[of.stock_level_id]
        self.on_hand[of.stock_level_id] = after = before - of.delta
        cells = [
            Cell(gettext_lazy("When"), moment(of.created_at)),
            Cell(gettext_lazy("Product"), product_name(of.product)),
            Cell(gettext_lazy("Location"), of.location.name),
            Cell(gettext_lazy("Reason"), reason_word(of)),
            Cell(gettext_lazy("Change"), change(of), is_number=True),
            Cell(gettext_lazy("On hand"), before, is_number=True, after=after),
        ]
        return Row(of, cells)

    def carry_out(self) -> str:
        originals = {row.of.pk: row.of for row in self.rows}
        note = self.cleaned_data["note"]
        opposites = operations.reverse_movements(movement_ids=originals.keys(), note=note)
        return self.done([(originals[each.reversal_of_id], _sentence(each)) for each in opposites])


class TransfersReversal(SelectionForm):
    """The units of each of these transfers back to where they came from."""

    title = gettext_lazy("Reverse transfers")
    button = gettext_lazy("Bring all of them back")
    reference = None  # type: ignore[assignment]  # each transfer's own goes with it
    nothing_to_do = gettext_lazy("None of these transfers can be reversed.")
    left_out = gettext_lazy(
        "Left out: what has been reversed already, and what is of deleted products."
    )

    def found(self, chosen: Collection[UUID]) -> Iterable[Transfer]:
        rows = Transfer.objects.filter(pk__in=chosen, reversal=None, product__deleted_at=None)
        rows = rows.select_related("product", "from_location", "to_location")
        return rows.defer("product__search", "product__description").order_by("-pk")

    def prepare(self, found: Sequence[Transfer]) -> None:
        """What is on hand at both ends, and what becomes of it transfer by transfer."""
        levels = StockLevel.objects.for_products(transfer.product_id for transfer in found)
        self.on_hand = {(level.product_id, level.location_id): level.on_hand for level in levels}

    def row(self, of: Transfer, seen: int | None) -> Row:
        cells = [
            Cell(gettext_lazy("When"), moment(of.created_at)),
            Cell(gettext_lazy("Product"), product_name(of.product)),
            Cell(gettext_lazy("Units"), of.quantity, is_number=True),
            self._end(gettext_lazy("Taken from"), of, of.to_location, -of.quantity),
            self._end(gettext_lazy("Back to"), of, of.from_location, of.quantity),
        ]
        return Row(of, cells)

    def _end(self, title: Any, transfer: Transfer, location: Any, delta: int) -> Cell:
        """One end of a transfer: ``Main 7 → 5``."""
        place = (transfer.product_id, location.pk)
        before = self.on_hand.get(place, 0)
        self.on_hand[place] = after = before + delta
        return Cell(title, f"{location.name} {before}", after=after)

    def carry_out(self) -> str:
        originals = {row.of.pk: row.of for row in self.rows}
        note = self.cleaned_data["note"]
        opposites = operations.reverse_transfers(transfer_ids=originals.keys(), note=note)
        return self.done([(originals[each.reversal_of_id], _way(each)) for each in opposites])


def _sentence(opposite: StockMovement) -> str:
    before = opposite.on_hand_after - opposite.delta
    names = {"sku": opposite.product.sku, "location": opposite.location.name}
    outcome = f"{before} → {opposite.on_hand_after} ({reason_word(opposite).lower()})"
    return f"{_('%(sku)s at %(location)s') % names}: {outcome}"


def _way(opposite: Transfer) -> str:
    way = f"{opposite.from_location.name} → {opposite.to_location.name}"
    return f"{some_of(opposite.quantity, opposite.product.sku)}: {way}"
