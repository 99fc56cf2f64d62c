"""The lines of count sheets as they are read: what each shows to whom, a page at a time."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.db.models import BigIntegerField, Count, F, Q, QuerySet, Sum
from django.db.models.functions import Coalesce, Greatest, Least
from django.utils.translation import gettext_lazy as _

from common.backoffice.display import moment
from inventory.admin.display import reason_word
from inventory.models import CountLine, CountSheet, StockMovement
from inventory.rules.counts import Found, How
from products.models import Product

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from django.utils.safestring import SafeString

PAGE: Final = 100
APPLY: Final = "inventory.apply_countsheet"
LARGE: Final = [
    f"stock_level__product__{name}" for name in ("search", "name_order", "description", "images")
]
IS_WAITING: Final = Q(movement=None, counted__isnull=False)
"""Counted and not applied."""
IS_STILL: Final = Q(stock_level__movement_count=F("seen_sequence"))
HAS_MOVED: Final = Q(movement=None) & ~IS_STILL
IS_REFUSED: Final = IS_WAITING & Q(counted__lt=F("stock_level__reserved"))
DIFFERS: Final = IS_WAITING & ~Q(counted=F("expected")) | Q(movement__isnull=False) & ~Q(
    movement__delta=0
)
DIFFERENCE: Final = Coalesce(
    F("movement__delta"), F("counted") - F("expected"), output_field=BigIntegerField()
)
FILTERS: Final = {
    "": (_("All"), Q()),
    "uncounted": (_("To count"), Q(counted=None)),
    "counted": (_("Counted"), Q(counted__isnull=False)),
    "differing": (_("Differing"), DIFFERS),
    "moved": (_("Moved"), HAS_MOVED),
    "refused": (_("Refused"), IS_REFUSED),
    "applied": (_("Applied"), Q(movement__isnull=False)),
}
"""By what stands in the address: the word for it, and the lines."""
TELLING: Final = {"differing", "moved", "refused"}
"""Filters that give away what a blind sheet keeps to itself."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What somebody may see of a sheet.

    Who counts blind is not shown what is expected until the line has been applied. Who may apply
    sees it of lines that have been counted; of the others nobody does, for they may count too.
    """

    sheet: CountSheet
    may_apply: bool

    @property
    def is_whole(self) -> bool:
        return self.may_apply or not self.sheet.is_blind

    def shows(self, line: CountLine) -> bool:
        if not self.sheet.is_blind or line.movement_id is not None:
            return True
        return self.may_apply and line.counted is not None

    @property
    def filters(self) -> list[str]:
        return [name for name in FILTERS if self.is_whole or name not in TELLING]


class Row:
    """A line as it stands on the page; ``typed`` and ``wrong`` are an entry that was refused."""

    typed: str | None = None
    wrong = ""
    last: StockMovement | None = None
    """The last movement, of a level that has moved since."""

    def __init__(self, line: CountLine, sight: Sight) -> None:
        self.line = line
        self.product: Product = line.stock_level.product
        self.is_shown = sight.shows(line)
        self.is_applied = line.movement_id is not None
        self.is_open = not self.is_applied and sight.sheet.status == CountSheet.Status.OPEN
        self.may_settle = self.is_open and sight.may_apply and line.counted is not None

    @cached_property
    def found(self) -> Found:
        level = self.line.stock_level
        return Found(
            expected=self.line.expected,
            counted=self.line.counted or 0,
            on_hand=level.on_hand,
            reserved=level.reserved,
            has_moved=level.movement_count != self.line.seen_sequence,
        )

    @property
    def has_moved(self) -> bool:
        return not self.is_applied and self.found.has_moved

    @property
    def is_refused(self) -> bool:
        waits = not self.is_applied and self.line.counted is not None
        return waits and self.found.counted < self.found.reserved

    @property
    def difference(self) -> int | None:
        movement = self.line.movement
        return movement.delta if movement else self.line.difference

    @property
    def signed(self) -> str:
        return f"{self.difference or 0:+}".replace("-", "−")

    @property
    def counted_at(self) -> SafeString | None:
        return moment(self.line.counted_at)

    @property
    def last_reason(self) -> str:
        return reason_word(self.last) if self.last else ""

    @property
    def last_at(self) -> SafeString | None:
        return moment(self.last.created_at) if self.last else None

    @property
    def before(self) -> int:
        """On hand before the line is applied, or was."""
        movement = self.line.movement
        return movement.on_hand_after - movement.delta if movement else self.found.on_hand

    @property
    def after(self) -> int:
        movement = self.line.movement
        return movement.on_hand_after if movement else self.found.counted

    @property
    def value(self) -> str:
        """What stands in the field for the count."""
        if self.typed is not None:
            return self.typed
        return "" if self.line.counted is None else str(self.line.counted)

    @property
    def choices(self) -> list[dict[str, Any]]:
        """What can be done with a level that has moved since, and what would be on hand then."""
        titles = {How.DIFFERENCE: _("Apply my difference"), How.ANYWAY: _("Set anyway")}
        return [
            {
                "title": title,
                "after": self.found.after(how),
                "value": f"{self.line.pk}:{self.line.version}:{how.value}",
                "is_possible": self.found.after(how) >= 0,
            }
            for how, title in titles.items()
        ]


def lines_of(sheet: CountSheet) -> QuerySet[CountLine]:
    """By SKU, with all that a row shows."""
    rows = CountLine.objects.filter(sheet=sheet).select_related("stock_level__product", "movement")
    return rows.defer(*LARGE).order_by("stock_level__product__sku", "pk")


def rows_of(lines: Iterable[CountLine], sight: Sight) -> list[Row]:
    """Rows of lines, with the last movements of those that have moved: one more query."""
    rows = [Row(line, sight) for line in lines]
    levels = [row.line.stock_level for row in rows if row.has_moved and row.is_shown]
    last = {one.stock_level_id: one for one in StockMovement.objects.last_of(levels)}
    for row in rows:
        row.last = last.get(row.line.stock_level_id)
    return rows


def summaries(sheets: Sequence[CountSheet]) -> dict[UUID, dict[str, int]]:
    """How far each sheet has come, and what was found: one query for all of them."""
    lines = CountLine.objects.filter(sheet__in=sheets).order_by().values("sheet")
    rows: Any = lines.annotate(**FIGURES).values_list("sheet", *FIGURES)
    return {sheet: dict(zip(FIGURES, figures, strict=True)) for sheet, *figures in rows}


def summary_of(sheet: CountSheet) -> dict[str, int]:
    """The same of one sheet, and what is to be done with its lines."""
    return CountLine.objects.filter(sheet=sheet).order_by().aggregate(**FIGURES, **STANDING)


FIGURES: Final = {
    "total": Count("pk"),
    "counted_lines": Count("counted"),
    "applied": Count("movement"),
    "differing": Count("pk", filter=DIFFERS),
    "more": Coalesce(Sum(Greatest(DIFFERENCE, 0)), 0, output_field=BigIntegerField()),
    "fewer": Coalesce(-Sum(Least(DIFFERENCE, 0)), 0, output_field=BigIntegerField()),
}
STANDING: Final = {
    "moved": Count("pk", filter=HAS_MOVED),
    "refused": Count("pk", filter=IS_REFUSED),
    "ready": Count("pk", filter=IS_WAITING),
}
NOTHING: Final = dict.fromkeys(FIGURES, 0)


def line_called(sheet: CountSheet, code: str) -> CountLine | None:
    """The line of the product with this barcode or SKU."""
    called = Q(stock_level__product__sku=code.upper()) | Q(stock_level__product__barcode=code)
    living = Q(stock_level__product__deleted_at=None)
    return lines_of(sheet).filter(called & living).first()


def product_called(code: str) -> Product | None:
    products = Product.objects.living().filter(Q(sku=code.upper()) | Q(barcode=code))
    return products.only("pk", "sku", "name").first()


def uuid_in(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
