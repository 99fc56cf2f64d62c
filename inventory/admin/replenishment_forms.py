"""The forms by which staff order for many stock levels, or put them off."""

from __future__ import annotations

from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from django import forms
from django.core.exceptions import ValidationError
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminTextInputWidget

from common.backoffice.refusals import sentences
from inventory import operations
from inventory.admin.batch_forms import Day
from inventory.admin.bulk_forms import Cell, Row, SelectionForm
from inventory.admin.cover_display import cover
from inventory.admin.display import product_name
from inventory.admin.promise_display import day, incoming, today
from inventory.admin.stock_fields import Choices, Units
from inventory.models import StockLevel
from inventory.queries.ordering import demands
from inventory.rules.reordering import proposed_quantity

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from uuid import UUID

    from django.utils.safestring import SafeString

    from common.errors import DomainError

GONE: Final = gettext_lazy("The products of these stock levels have been deleted.")
LEFT_OUT: Final = gettext_lazy("Stock levels of deleted products are left out.")
MOST_ORDERED: Final = 100
"""Batches made together: their products are locked together, and sold by nobody meanwhile."""
SPANS: Final = [
    (
        gettext_lazy("Do not show them"),
        [
            ("7", gettext_lazy("For 7 days")),
            ("30", gettext_lazy("For 30 days")),
            ("day", gettext_lazy("Until a day")),
            ("wake", gettext_lazy("Show them again")),
        ],
    )
]


class LowLevelsForm(SelectionForm):
    """Something done about levels that are low."""

    nothing_to_do = GONE
    left_out = LEFT_OUT
    note = None  # type: ignore[assignment]  # these operations take none

    def found(self, chosen: Collection[UUID]) -> Iterable[StockLevel]:
        rows = StockLevel.objects.filter(pk__in=chosen).of_living_products()
        rows = rows.select_related("product", "location")
        return rows.defer("product__search", "product__description").order_by(
            "product__sku", "location__priority", "pk"
        )

    def prepare(self, found: Sequence[StockLevel]) -> None:
        self.demands = demands(found)

    def row(self, of: StockLevel, seen: int | None) -> Row:
        return Row(of, self.cells(of), seen=0)

    def cells(self, of: StockLevel) -> list[Cell]:
        demand = self.demands[of.pk]
        return [
            Cell(_("Product"), product_name(of.product)),
            Cell(_("Location"), of.location.name),
            Cell(_("Available"), of.available, is_number=True),
            Cell(_("Incoming"), incoming(of.incoming, of.next_eta), is_number=True),
            Cell(_("Days of cover"), cover(demand.available, demand.sold), is_number=True),
        ]


class OrderForm(LowLevelsForm):
    """A batch for each of many levels; where no quantity is entered, none is ordered."""

    title = gettext_lazy("Create batches")
    button = gettext_lazy("Create the batches")
    about = gettext_lazy("A batch for each row with a quantity, all of them or none.")
    most = MOST_ORDERED
    field_order = ("reference", "eta")

    reference = forms.CharField(
        max_length=200,
        label=gettext_lazy("Reference"),
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "autofocus": True}),
        help_text=gettext_lazy(
            "Your purchase order. Of several batches each gets a number: -1, -2."
        ),
    )
    eta = Day(
        label=gettext_lazy("ETA"),
        required=False,
        help_text=gettext_lazy("When they are expected; a row may say otherwise."),
    )

    def cells(self, of: StockLevel) -> list[Cell]:
        quantity, eta = (self.entry(kind, of) for kind in ("quantity", "eta"))
        return [*super().cells(of), Cell(_("To order"), quantity), Cell(_("Its own ETA"), eta)]

    def entry(self, kind: str, of: StockLevel) -> SafeString:
        """The field of a row; its name says which."""
        names = {"quantity": (_("To order"), "text"), "eta": (_("Its own ETA"), "date")}
        word, type_ = names[kind]
        return format_html(
            '<input class="so-units so-own-{}" name="{}-{}" type="{}" value="{}"'
            ' inputmode="{}" autocomplete="off" aria-label="{}: {}, {}">',
            *(kind, kind, of.pk, type_, self.value_of(kind, of)),
            *("numeric" if kind == "quantity" else "none", word),
            *(of.product.sku, of.location.name),
        )

    def value_of(self, kind: str, of: StockLevel) -> str:
        if self.is_bound:
            return str(self.data.get(f"{kind}-{of.pk}", "")).strip()
        return str(proposed_quantity(self.demands[of.pk]) or "") if kind == "quantity" else ""

    def clean_eta(self) -> date | None:
        eta: date | None = self.cleaned_data["eta"]
        _check_to_come(eta)
        return eta

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        self.wanted: list[tuple[Row, int, date]] = []
        is_told = "eta" in self.errors
        for row in self.rows:
            try:
                self._want(row, values.get("eta"), is_told=is_told)
            except ValidationError as error:
                row.errors.extend(error.messages)
        if any(row.errors for row in self.rows):
            self.refuse_rows()
        elif not self.wanted and not is_told:
            self.add_error(None, _("Enter a quantity for at least one row."))
        return values

    def _want(self, row: Row, common: date | None, *, is_told: bool) -> None:
        quantity = Units(min_value=0, required=False).clean(self.value_of("quantity", row.of))
        if not quantity:
            return
        own: date | None = Day(required=False).clean(self.value_of("eta", row.of))
        _check_to_come(own)
        eta = own or common
        if eta is not None:
            self.wanted.append((row, quantity, eta))
        elif not is_told:
            raise ValidationError(_("When is it expected? Enter an ETA, here or for all rows."))

    def entered(self) -> dict[str, Any]:
        rows = {str(row.of.pk): [quantity, str(eta)] for row, quantity, eta in self.wanted}
        return super().entered() | {"rows": rows}

    def carry_out(self) -> str:
        orders = [
            operations.Order(row.of.product_id, row.of.location_id, reference, quantity, eta)
            for (row, quantity, eta), reference in zip(self.wanted, self._numbered(), strict=True)
        ]
        operations.create_batches(orders=orders)
        told = _("%(sku)s at %(location)s: %(quantity)s ordered, %(reference)s, ETA %(eta)s")
        said = [
            told
            % {
                "sku": row.of.product.sku,
                "location": row.of.location.name,
                "quantity": order.quantity,
                "reference": order.reference,
                "eta": day(order.eta),
            }
            for (row, *_others), order in zip(self.wanted, orders, strict=True)
        ]
        rows = [row.of for row, *_others in self.wanted]
        return self.done(list(zip(rows, said, strict=True)))

    def _numbered(self) -> list[str]:
        reference = self.cleaned_data["reference"]
        count = len(self.wanted)
        return [reference] if count == 1 else [f"{reference}-{n}" for n in range(1, count + 1)]

    def look_again(self) -> None:
        super().look_again()
        kept = {row.of.pk: row for row in self.rows}
        self.wanted = [(kept.get(row.of.pk, row), *rest) for row, *rest in self.wanted]  # type: ignore[misc]

    def refuse(self, refusal: DomainError) -> None:
        """Each sentence at the row of its order; the others above all."""
        told = zip(refusal.problems, sentences(refusal), strict=True)
        for problem, (attribute, sentence) in told:
            name, _slash, rest = (attribute or "").partition("/")
            if name != "orders":
                super().refuse(problem)
                continue
            row, *_others = self.wanted[int(rest.partition("/")[0])]
            row.errors.append(sentence)
        if any(row.errors for row in self.rows):
            self.refuse_rows()


class SnoozeForm(LowLevelsForm):
    """Levels that need not be ordered for now, whatever their figures say."""

    title = gettext_lazy("Snooze")
    button = gettext_lazy("Apply")
    about = gettext_lazy(
        "They come back to the list by themselves on that day. Alerts of low stock stay as they"
        " are: they tell of the moment when a level becomes low."
    )
    reference = None  # type: ignore[assignment]  # the operation takes none

    span = forms.ChoiceField(choices=SPANS, widget=Choices, label=gettext_lazy("How long"))
    until = Day(
        label=gettext_lazy("Day"),
        required=False,
        help_text=gettext_lazy("For “Until a day”: the day on which they are shown again."),
    )

    def cells(self, of: StockLevel) -> list[Cell]:
        known = day(of.snoozed_until) if of.snoozed_until else "–"
        return [*super().cells(of), Cell(_("Snoozed until"), known)]

    def clean(self) -> dict[str, Any]:
        values = super().clean()
        if values.get("span") == "day" and not values.get("until") and "until" not in self.errors:
            self.add_error("until", _("Choose the day."))
        return values

    @property
    def wakes_on(self) -> date | None:
        span, until = self.cleaned_data["span"], self.cleaned_data["until"]
        if span == "wake":
            return None
        chosen: date = until if span == "day" else today() + timedelta(days=int(span))
        return chosen

    def carry_out(self) -> str:
        until = self.wakes_on
        before = operations.snooze(stock_level_ids=[row.of.pk for row in self.rows], until=until)
        return self.done([(level, _snoozed(level, until)) for level in before])


def _check_to_come(eta: date | None) -> None:
    if eta is not None and eta < today():
        raise ValidationError(_("This day has passed."))


def _snoozed(level: StockLevel, until: date | None) -> str:
    names = {"sku": level.product.sku, "location": level.location.name, "day": day(until)}
    if until is None:
        return _("%(sku)s at %(location)s: shown again") % names
    return _("%(sku)s at %(location)s: snoozed until %(day)s") % names
