"""Count sheets: made, added to, closed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal

from django.db import connection
from django.db.models import Q

from common.database import ClockTimestamp, in_transaction
from common.errors import Invalid, NotFound
from common.events.recording import record
from common.ids import new_id
from common.observability.context import current
from inventory.models import CountLine, CountSheet, Location, StockLevel
from inventory.operations.facts import unmoved
from inventory.operations.ledger import Ledger
from inventory.operations.naming import living_product, location_named
from products.models import Category, Product

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from uuid import UUID

    from django.db.models import QuerySet

MOST_LINES: Final = 10_000
MOST_NAMED: Final = 10
OPEN: Final = """
WITH chosen AS MATERIALIZED ({levels}),
sheet AS (
    INSERT INTO inventory_countsheet
        (id, name, location_id, scope, is_blind, status, actor, request_id, version)
    SELECT %s, %s, %s, %s, %s, 'open', %s, %s, 1
    WHERE (SELECT count(*) FROM chosen) BETWEEN 1 AND {most}
    RETURNING id
),
lines AS (
    INSERT INTO inventory_countline
        (id, sheet_id, stock_level_id, expected, seen_sequence, counted_by, note, version)
    SELECT gen_random_uuid(), sheet.id, chosen.id, on_hand, movement_count, '', '', 1
    FROM chosen, sheet
)
SELECT count(*) FROM chosen
"""
KEPT_OPEN: Final = "SELECT * FROM inventory_countsheet WHERE id = %s FOR SHARE"


@dataclass(frozen=True, slots=True)
class Selection:
    """Which stock levels of a location go on a sheet: all that fit everything said here.

    ``category_id`` is meant with the categories below it, ``text`` as in the search for products.
    """

    category_id: UUID | None = None
    skus: Sequence[str] = ()
    text: str = ""
    stock: Literal["", "in", "low", "out"] = ""


@in_transaction
def open_sheet(
    *,
    name: str,
    location: str,
    is_blind: bool = False,
    selection: Selection | None = None,
    scope: str = "",
) -> CountSheet:
    """Make a sheet with a line for each stock level chosen, and what is on hand of it now.

    All levels are read at one moment. ``location`` is a code or id; ``scope`` says the selection
    in words. Refuses with NotFound, and with Invalid when nothing is chosen, more than 10 000
    levels are, or SKUs are named that are not stocked there.

    Locks: the location against deletion, no stock (docs/locking.md).
    """
    place = location_named(location)
    selection = selection or Selection()
    _check_stocked(place, selection.skus)
    rows = _chosen(place, selection).values("id", "on_hand", "movement_count")
    levels, parameters = rows[: MOST_LINES + 1].query.sql_with_params()
    pk, cause = new_id(), current()
    told: list[Any] = [pk, name, place.pk, scope, is_blind, cause.actor, cause.request_id]
    with connection.cursor() as cursor:
        cursor.execute(OPEN.format(levels=levels, most=MOST_LINES), [*parameters, *told])
        (found,) = cursor.fetchone()
    if not found:
        raise Invalid(f"Nothing like that is stocked at {place.name}.")
    if found > MOST_LINES:
        raise Invalid(
            f"A sheet has at most {MOST_LINES} lines, and this would have more. Make one for each"
            " category, or choose fewer products."
        )
    return CountSheet.objects.get(pk=pk)


def _chosen(place: Location, selection: Selection) -> QuerySet[StockLevel]:
    levels = StockLevel.objects.filter(location=place).of_living_products()
    if selection.category_id:
        levels = levels.filter(product__category__in=_with_descendants(selection.category_id))
    if selection.skus:
        levels = levels.filter(product__sku__in={sku.upper() for sku in selection.skus})
    if selection.text:
        found = Product.objects.found_by(selection.text)
        are_left_out: Any = found.query.annotations["are_left_out"]
        if are_left_out.value:
            raise Invalid("Too many products match these words; say more.", attribute="text")
        levels = levels.filter(product__in=found.values("pk"))
    match selection.stock:
        case "in":
            levels = levels.filter(on_hand__gt=0)
        case "low":
            levels = levels.low()
        case "out":
            levels = levels.filter(Q(on_hand=0))
    return levels.order_by()


def _with_descendants(category_id: UUID) -> set[UUID]:
    parents = list(Category.objects.exclude(parent=None).values_list("pk", "parent_id"))
    found, latest = {category_id}, {category_id}
    while latest:
        latest = {pk for pk, parent in parents if parent in latest} - found
        found |= latest
    return found


def _check_stocked(place: Location, skus: Collection[str]) -> None:
    wanted = dict.fromkeys(sku.upper() for sku in skus)
    levels = StockLevel.objects.filter(location=place, product__sku__in=wanted)
    stocked = set(levels.of_living_products().values_list("product__sku", flat=True))
    if missing := [sku for sku in wanted if sku not in stocked]:
        more = f" and {len(missing) - MOST_NAMED} more" if len(missing) > MOST_NAMED else ""
        raise Invalid(
            f"Not stocked at {place.name}: {', '.join(missing[:MOST_NAMED])}{more}. Leave them"
            " out; what is found there all the same can be scanned onto the sheet.",
            attribute="skus",
        )


@in_transaction
def add_line(*, sheet_id: UUID, product_id: UUID) -> CountLine:
    """Put a product on a sheet that it was not on; the line there is, if it is.

    A product that was never stocked at the location gets an empty stock level there. Refuses with
    NotFound, and with Invalid when the sheet is closed.

    Locks: the sheet against closing, the product against deletion, the product's levels
    (docs/locking.md).
    """
    sheet = kept_open(sheet_id)
    product = living_product(product_id)
    ledger = Ledger.locked([product.pk])
    known = {level.location_id for level in ledger.levels_of(product.pk)}
    level = ledger.level_at(product, sheet.location_id)
    if sheet.location_id not in known:
        record([unmoved(level, "opened")])
    line = CountLine(
        sheet=sheet,
        stock_level=level,
        expected=level.on_hand,
        seen_sequence=level.movement_count,
    )
    CountLine.objects.bulk_create([line], ignore_conflicts=True)
    return CountLine.objects.get(sheet=sheet, stock_level=level)


@in_transaction
def close_sheet(*, sheet_id: UUID) -> CountSheet:
    """Nothing is counted or applied any more; what was not applied never will be.

    Closing twice is closing once. Refuses with NotFound.

    Locks: the sheet (docs/locking.md).
    """
    sheet = locked_sheet(sheet_id)
    if sheet.status == CountSheet.Status.OPEN:
        close(sheet)
    return sheet


def close(sheet: CountSheet) -> None:
    """Close a sheet that is locked."""
    sheet.status = CountSheet.Status.CLOSED
    sheet.version += 1
    CountSheet.objects.filter(pk=sheet.pk).update(
        status=sheet.status, version=sheet.version, updated_at=ClockTimestamp()
    )


def kept_open(sheet_id: UUID) -> CountSheet:
    """The sheet, which nobody closes or applies until the transaction ends; NotFound, Invalid."""
    sheet = next(iter(CountSheet.objects.raw(KEPT_OPEN, [sheet_id])), None)
    if sheet is None:
        raise NotFound("There is no such count sheet.")
    check_open(sheet)
    return sheet


def check_open(sheet: CountSheet) -> None:
    if sheet.status != CountSheet.Status.OPEN:
        raise Invalid("This sheet is closed. Make a new one to count again.")


def locked_sheet(sheet_id: UUID) -> CountSheet:
    """The sheet, locked; refuses with NotFound."""
    rows = CountSheet.objects.filter(pk=sheet_id).select_for_update(no_key=True)
    sheet = rows.first()
    if sheet is None:
        raise NotFound("There is no such count sheet.")
    return sheet
