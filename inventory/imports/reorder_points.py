"""When to reorder, from files: a row for each stock level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from common.importing.columns import Column, Columns, Whole
from common.importing.errors import ChangedSince
from common.importing.kinds import Kind, Verdict
from inventory import operations
from inventory.imports.places import Places, location_column, sku_column
from inventory.models import StockLevel
from inventory.querysets import DEFAULT_LOCATION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from django.db.models import QuerySet

    from common.importing.kinds import Job, Values


class ReorderPointColumns(Columns):
    sku = sku_column()
    location = location_column(missing=DEFAULT_LOCATION)
    reorder_point = Column(
        "reorder_point",
        Whole(empty=None),
        _("The level is low when this many or fewer are available. Empty: never low."),
    )
    reorder_quantity = Column(
        "reorder_quantity", Whole(least=1, empty=None), _("How many to order then. Empty: unsaid.")
    )
    safety_stock = Column(
        "safety_stock", Whole(empty=0), _("What should never be used up. Empty: 0.")
    )


class ReorderPointKind(Kind):
    """Sets when levels count as low; only of levels that there are."""

    name = "reorder-points"
    title = gettext_lazy("Reorder points")
    advice = gettext_lazy(
        "Sets when stock levels count as low. A column that the file does not have changes"
        " nothing; an empty cell empties."
    )
    undoing = gettext_lazy("The old settings come back, unless somebody has changed them since.")
    model = StockLevel
    columns = ReorderPointColumns
    needed = ("sku",)
    keys = (("sku", "location"),)
    permissions: ClassVar = {"change": "inventory.change_stocklevel"}
    view = "inventory.view_stocklevel"
    examples: ClassVar = (
        {
            "sku": "MUG-BLUE",
            "location": "main",
            "reorder_point": 20,
            "reorder_quantity": 100,
            "safety_stock": 5,
        },
        {"sku": "0042", "location": "main", "reorder_point": 0, "safety_stock": 0},
    )

    def exported(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        names = ("reorder_point", "reorder_quantity", "safety_stock")
        rows = rows.select_related("product", "location")
        return rows.only(*names, "product__sku", "location__code")

    def judge(self, rows: Sequence[Values]) -> list[Verdict]:
        places = Places(rows)
        return [self._verdict(places, values) for values in rows]

    def apply(self, job: Job) -> dict[str, Any]:
        before = job.seen["before"]
        _set(job.seen["level"], before, {name: job.values[name] for name in before})
        return {"level": job.seen["level"]}

    def undo(self, job: Job) -> None:
        before = job.seen["before"]
        _set(job.touched["level"], {name: job.values[name] for name in before}, before)

    def _verdict(self, places: Places, values: Values) -> Verdict:
        verdict = Verdict()
        if not places.found(values, verdict):
            return verdict
        level = places.level(values)
        if level is None:
            verdict.refuse(
                "", _("The product has no stock level at this location: open one first.")
            )
            return verdict
        settings = {
            name: value for name, value in values.items() if name not in ("sku", "location")
        }
        verdict.differences = self.differing_settings(level, settings)
        verdict.action = "change" if verdict.differences else "same"
        before = {name: old for name, old, _wanted in verdict.differences}
        verdict.seen = {"level": str(level.pk), "before": before}
        return verdict

    def differing_settings(self, level: StockLevel, wanted: Values) -> list[tuple[str, Any, Any]]:
        return [
            (name, getattr(level, name), value)
            for name, value in wanted.items()
            if getattr(level, name) != value
        ]


def _set(level_id: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Set what is as it was seen. Sales raise a level's version, so that says nothing of it."""
    level = StockLevel.objects.filter(pk=level_id).locked().first()
    for name, value in before.items():
        if level is not None and getattr(level, name) != value:
            raise ChangedSince(_("Somebody has changed it since."), attribute=name)
    operations.set_reorder_settings(stock_level_id=UUID(level_id), changes=after)
