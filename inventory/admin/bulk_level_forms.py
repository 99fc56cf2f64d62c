"""The forms that receive, adjust, count and transfer many stock levels at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext_lazy
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldBooleanWidget

from common.backoffice.refusals import SENTENCES
from common.backoffice.sentences import translated
from inventory import operations
from inventory.admin.bulk_forms import Cell, Row, SelectionForm
from inventory.admin.display import product_name
from inventory.admin.stock_fields import EFFECTS, KINDS, Choices, Units
from inventory.admin.stock_forms import place
from inventory.errors import BelowReserved, Shortage, StaleQuantity
from inventory.models import Location, StockLevel, StockMovement
from inventory.rules import Change

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from uuid import UUID

    from common.errors import DomainError

NOTHING: Final = gettext_lazy("The products of these stock levels have been deleted.")
LEFT_OUT: Final = gettext_lazy("Stock levels of deleted products are left out.")


class LevelsForm(SelectionForm):
    """Units for each of many stock levels; where none are entered, that level stays as it is."""

    nothing_to_do = NOTHING
    left_out = LEFT_OUT
    effect: ClassVar[str]
    """What units do to a level, for the preview: ``add``, ``take``, ``set`` or ``kind``."""
    least: ClassVar[int] = 1
    units_label: ClassVar[Any] = gettext_lazy("Units")

    def found(self, chosen: Collection[UUID]) -> Iterable[StockLevel]:
        rows = StockLevel.objects.filter(pk__in=chosen).of_living_products()
        rows = rows.select_related("product", "location")
        return rows.defer("product__search", "product__description").order_by(
            "product__sku", "location__priority", "pk"
        )

    def row(self, of: StockLevel, seen: int | None) -> Row:
        name = f"units-{of.pk}"
        return Row(
            of,
            [
                Cell(gettext_lazy("Product"), product_name(of.product)),
                Cell(gettext_lazy("Location"), of.location.name),
                Cell(gettext_lazy("On hand"), of.on_hand, is_number=True),
                Cell(gettext_lazy("Available"), of.available, is_number=True),
            ],
            name=name,
            value=str(self.data.get(name, "")).strip(),
            seen=of.on_hand if seen is None else seen,
        )

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        units = Units(min_value=self.least)
        self.units: dict[UUID, int] = {}
        for row in self.rows:
            if row.value:
                try:
                    self.units[row.of.pk] = units.clean(row.value)
                except ValidationError as error:
                    row.errors.extend(error.messages)
        if any(row.errors for row in self.rows):
            self.refuse_rows()
        elif not self.units:
            self.add_error(None, _("Enter units for at least one row."))
        return values

    def entered(self) -> dict[str, Any]:
        return super().entered() | {"units": {str(pk): many for pk, many in self.units.items()}}

    def filled(self) -> Iterable[tuple[Row, int]]:
        """The rows with units, and those units."""
        return ((row, self.units[row.of.pk]) for row in self.rows if row.of.pk in self.units)

    def change(self, row: Row, **what: Any) -> Change:
        level: StockLevel = row.of
        return Change(
            product_id=level.product_id,
            location=str(level.location_id),
            reference=self.cleaned_data["reference"],
            note=self.cleaned_data["note"],
            **what,
        )

    def said(self) -> str:
        """What has become of the levels that had units; in the transaction that changed them."""
        rows = [row for row, _units in self.filled()]
        now = dict(StockLevel.objects.filter(pk__in=self.units.keys()).values_list("pk", "on_hand"))
        return self.done([(row.of, self.sentence(row, now[row.of.pk])) for row in rows])

    def sentence(self, row: Row, after: int) -> str:
        before = after - self.delta(row, after)
        return f"{place(row.of)}: {before} → {after} ({self.reason_word})"

    def delta(self, row: Row, after: int) -> int:
        raise NotImplementedError

    @property
    def reason(self) -> str:
        """What the ledger keeps."""
        raise NotImplementedError

    @property
    def reason_word(self) -> str:
        return StockMovement.Reason(self.reason).label.lower()

    def refuse(self, refusal: DomainError) -> None:
        """Each short line at its row; counts that are refused, by the figures of now."""
        for problem in refusal.problems:
            if isinstance(problem, Shortage):
                self._refuse_short(problem)
            elif isinstance(problem, (StaleQuantity, BelowReserved)):
                self._refuse_counts()
        if any(row.errors for row in self.rows):
            self.refuse_rows()
        else:
            super().refuse(refusal)

    def _refuse_short(self, shortage: Shortage) -> None:
        """At the row of this product that wants so many; the product may be at several places."""
        meta = shortage.meta
        rows = [
            row
            for row, units in self.filled()
            if str(row.of.product_id) == meta["product_id"] and units == meta["requested"]
        ]
        short = [row for row in rows if row.of.available < meta["requested"] and not row.errors]
        for row in short[:1] or rows[:1]:
            row.errors.append(translated(shortage.detail))

    def _refuse_counts(self) -> None:
        """Counts made against another figure, or below what is promised."""

    def look_again(self) -> None:
        self.seen_before = {row.of.pk: row.seen for row in self.rows}
        super().look_again()


class BulkReceipt(LevelsForm):
    """A delivery without a batch: so many units arrived of each."""

    title = gettext_lazy("Receive stock")
    button = gettext_lazy("Receive")
    effect = "add"
    reason = "receipt"

    def delta(self, row: Row, after: int) -> int:
        return self.units[row.of.pk]

    def carry_out(self) -> str:
        operations.adjust_stock(
            changes=[
                self.change(row, delta=units, reason="receipt") for row, units in self.filled()
            ]
        )
        return self.said()


class BulkAdjustment(LevelsForm):
    """Some units more or less of each, all for one reason."""

    title = gettext_lazy("Adjust stock")
    button = gettext_lazy("Adjust stock")
    effect = "kind"
    field_order = ("kind", "reference", "note")

    kind = forms.ChoiceField(choices=KINDS, widget=Choices, label=gettext_lazy("What happened"))

    @property
    def reason(self) -> str:
        return EFFECTS[self.cleaned_data["kind"]][1]

    def delta(self, row: Row, after: int) -> int:
        return EFFECTS[self.cleaned_data["kind"]][0] * self.units[row.of.pk]

    def carry_out(self) -> str:
        operations.adjust_stock(
            changes=[
                self.change(row, delta=self.delta(row, 0), reason=self.reason)
                for row, _units in self.filled()
            ]
        )
        return self.said()


class BulkCount(LevelsForm):
    """What somebody has counted of each; refused where stock has moved since the page opened."""

    title = gettext_lazy("Count stock")
    button = gettext_lazy("Set to what I counted")
    effect = "set"
    reason = "count"
    least = 0
    units_label = gettext_lazy("Counted")
    field_order = ("release_latest", "reference", "note")

    release_latest = forms.BooleanField(
        required=False,
        widget=UnfoldBooleanWidget,
        label=gettext_lazy("Take promises back where fewer are there"),
        help_text=gettext_lazy(
            "The latest first. Their orders get other stock at once, or the next that comes."
        ),
    )

    def delta(self, row: Row, after: int) -> int:
        return after - row.seen

    def carry_out(self) -> str:
        release_latest = self.cleaned_data["release_latest"]
        operations.adjust_stock(
            changes=[
                self.change(row, count=units, expected=row.seen, release_latest=release_latest)
                for row, units in self.filled()
            ]
        )
        return self.said()

    def _refuse_counts(self) -> None:
        for row, units in self.filled():
            level, seen = row.of, self.seen_before[row.of.pk]
            if level.on_hand != seen:
                stale = SENTENCES["stale_quantity"].format(expected=seen, current=level.on_hand)
                row.errors = [stale]
            elif units < level.reserved and not self.cleaned_data["release_latest"]:
                row.errors = [translated(BelowReserved(reserved=level.reserved).detail)]


class BulkTransfer(LevelsForm):
    """Some units of each to one other location."""

    title = gettext_lazy("Transfer stock")
    button = pgettext_lazy("action", "Transfer")
    effect = "take"
    field_order = ("to_location", "reference", "note")

    to_location = forms.ModelChoiceField(
        Location.objects.filter(is_active=True).order_by("priority", "code"),
        label=pgettext_lazy("location", "To"),
        widget=UnfoldAdminSelectWidget,
    )

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        target = values.get("to_location")
        there = [row for row, _units in self.filled() if row.of.location == target]
        for row in there:
            row.errors.append(_("It is there already."))
        if there:
            self.refuse_rows()
        return values

    def delta(self, row: Row, after: int) -> int:
        return -self.units[row.of.pk]

    @property
    def reason_word(self) -> str:
        return _("transfer")

    @property
    def target(self) -> Location:
        chosen: Location = self.cleaned_data["to_location"]
        return chosen

    def sentence(self, row: Row, after: int) -> str:
        return f"{super().sentence(row, after)} → {self.target.name}"

    def carry_out(self) -> str:
        operations.transfer_all(
            moves=[
                operations.Move(
                    product_id=row.of.product_id,
                    from_location=str(row.of.location_id),
                    to_location=str(self.target.pk),
                    quantity=units,
                )
                for row, units in self.filled()
            ],
            reference=self.cleaned_data["reference"],
            note=self.cleaned_data["note"],
        )
        return self.said()
