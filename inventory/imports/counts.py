"""Counts from files: what somebody has found on the shelf, a row for each stock level."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar
from uuid import UUID

from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_noop as _

from common.importing.columns import Column, Columns, Whole
from common.importing.kinds import Kind, Verdict, check_permitted
from common.observability.context import current
from inventory import operations
from inventory.imports.places import Places, location_column, sku_column
from inventory.models import StockLevel, StockMovement
from inventory.querysets import DEFAULT_LOCATION
from inventory.rules import Change

if TYPE_CHECKING:
    from collections.abc import Sequence

    from django.db.models import QuerySet

    from common.importing.kinds import Job, Values


class CountColumns(Columns):
    sku = sku_column()
    location = location_column(missing=DEFAULT_LOCATION)
    on_hand = Column(
        "on_hand",
        Whole(most=10**12, empty=None),
        _("What was on hand when the file was made. Where it has moved since, the row is wrong."),
    )
    counted = Column(
        "nothing_yet", Whole(empty=None), _("What you have counted. Empty: not counted.")
    )


class CountKind(Kind):
    """Sets stock levels to what was counted, guarded by what they were when it was checked."""

    name = "counts"
    title = gettext_lazy("Counts")
    advice = gettext_lazy(
        "Sets stock to what was counted, with a movement for each difference. Rows without a count"
        " change nothing."
    )
    undoing = gettext_lazy(
        "Each movement of the import gets its opposite in the ledger, unless the units are gone"
        " or promised."
    )
    model = StockLevel
    columns = CountColumns
    needed = ("sku", "counted")
    keys = (("sku", "location"),)
    permissions: ClassVar = {"new": "inventory.count_stock", "change": "inventory.count_stock"}
    undo_permissions: ClassVar = dict.fromkeys(("new", "change"), "inventory.reverse_movement")
    view = "inventory.view_stocklevel"
    examples: ClassVar = (
        {"sku": "MUG-BLUE", "location": "main", "on_hand": 40, "counted": 38},
        {"sku": "0042", "location": "main", "on_hand": 0, "counted": 12},
    )

    def exported(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        names = ("on_hand", "product__sku", "location__code")
        return rows.select_related("product", "location").only(*names)

    def judge(self, rows: Sequence[Values]) -> list[Verdict]:
        places = Places(rows)
        return [_verdict(places, values) for values in rows]

    def apply(self, job: Job) -> dict[str, Any]:
        product_id, location = UUID(job.seen["product"]), job.values["location"]
        if not StockLevel.objects.for_products([product_id]).exists():
            operations.open_inventory(product_id=product_id, location=location)
        change = Change(
            product_id=product_id,
            count=job.values["counted"],
            expected=job.seen["expected"],
            location=location,
            reference=job.reference,
            note=job.note,
        )
        operations.adjust_stock(changes=[change])
        return movement_made(product_id, location)

    def undo(self, job: Job) -> None:
        if "movement" in job.touched:
            check_permitted(self.undo_permission(job.action))
            operations.reverse_movement(movement_id=UUID(job.touched["movement"]), note=job.note)


def movement_made(product_id: UUID, location: str) -> dict[str, Any]:
    """The movement that this transaction has just written at a level, if it has."""
    rows = StockMovement.objects.filter(
        product=product_id, location__code=location, request_id=current().request_id
    )
    latest = rows.order_by("-sequence").values_list("pk", flat=True).first()
    return {"movement": str(latest)} if latest else {}


def _verdict(places: Places, values: Values) -> Verdict:
    verdict = Verdict()
    if not places.found(values, verdict) or values["counted"] is None:
        return verdict
    level, counted = places.level(values), values["counted"]
    on_hand = level.on_hand if level else 0
    if counted == on_hand:
        return verdict
    stood = values.get("on_hand")
    if stood not in (None, on_hand):
        told = _("It was %(stood)s when the file was made, and is %(now)s now: count again.")
        verdict.refuse("on_hand", told, stood=stood, now=on_hand)
    if level and counted < level.reserved:
        told = _("%(reserved)s are promised to orders: release some of those first.")
        verdict.refuse("counted", told, reserved=level.reserved)
    verdict.action = "change" if level else "new"
    verdict.differences = [("on_hand", on_hand, counted)]
    verdict.seen = {"product": str(places.products[values["sku"]]), "expected": on_hand}
    return verdict
