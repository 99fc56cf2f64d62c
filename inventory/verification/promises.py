"""Allocations against what they are promised of, and to whom."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import BigIntegerField, Case, F, OuterRef, Subquery, Sum, When
from django.db.models.functions import Coalesce

from inventory.models import Allocation, Batch, Reservation, ReservationLine
from inventory.querysets import is_held
from inventory.verification.findings import Difference, Step

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet

ROWS_AT_ONCE: Final = 1_000


def allocated_of(supply: str) -> Coalesce:
    """The units promised of a stock level or batch, or to a line: of each row of a query."""
    own = Allocation.objects.filter(**{supply: OuterRef("pk")}).order_by()
    total = own.values(supply).annotate(total=Sum("quantity")).values("total")
    return Coalesce(Subquery(total), 0, output_field=BigIntegerField())


def batches() -> Iterator[Step]:
    """Of a batch, what is promised: what its counter says, and no more than is outstanding."""
    rows = Batch.objects.annotate(promised=allocated_of("batch")).values_list(
        "pk",
        "product__sku",
        "location__code",
        "reference",
        "promised",
        "allocated",
        _outstanding(),
    )
    for found in _in_steps(rows):
        yield Step(0, [difference for row in found for difference in _of_batch(row)])


def _outstanding() -> Case:
    missing = F("quantity") - F("received_quantity")
    incoming = When(status=Batch.Status.INCOMING, then=missing)
    return Case(incoming, default=0, output_field=BigIntegerField())


def _of_batch(row: tuple[Any, ...]) -> Iterator[Difference]:
    pk, sku, location, reference, promised, allocated, outstanding = row
    if promised != allocated:
        figure = f"allocated of batch {reference}"
        yield Difference(pk, sku, location, figure, promised, allocated)
    if promised > outstanding:
        figure = f"promised of batch {reference}, at most what is outstanding"
        yield Difference(pk, sku, location, figure, outstanding, promised)


def open_lines() -> Iterator[Step]:
    """Lines of reservations that are open and not past their time."""
    parts = F("shipped") + F("unallocated") + allocated_of("line")
    rows = (
        ReservationLine.objects.filter(is_held("reservation__"))
        .annotate(parts=parts)
        .values_list("pk", "product__sku", "reservation__order_reference", "quantity", "parts")
    )
    for found in _in_steps(rows):
        wrong = [
            Difference(pk, sku, "", f"parts of a line of {order}", quantity, parts)
            for pk, sku, order, quantity, parts in found
            if quantity != parts
        ]
        yield Step(0, wrong)


def ended_reservations() -> Iterator[Step]:
    """What has been shipped, released or has expired holds nothing any more."""
    ended = Allocation.objects.filter(line__reservation__in=Reservation.objects.ended())
    rows = ended.values_list(
        "pk", "line__product__sku", "line__reservation__order_reference", "quantity"
    )
    for found in _in_steps(rows):
        wrong = [
            Difference(pk, sku, "", f"allocated to {order}, which has ended", 0, quantity)
            for pk, sku, order, quantity in found
        ]
        yield Step(0, wrong)


def supplies() -> Iterator[Step]:
    """What supplies a line, be it a stock level or a batch, is of the line's product."""
    rows = Allocation.objects.values_list(
        "pk",
        "line__product__sku",
        "line__reservation__order_reference",
        "line__product_id",
        Coalesce("stock_level__product_id", "batch__product_id"),
        Coalesce("stock_level__product__sku", "batch__product__sku"),
    )
    for found in _in_steps(rows):
        wrong = [
            Difference(pk, sku, "", f"product that supplies a line of {order}", sku, supplied)
            for pk, sku, order, wanted_id, supplied_id, supplied in found
            if wanted_id != supplied_id
        ]
        yield Step(0, wrong)


def _in_steps(rows: QuerySet[Any, Any]) -> Iterator[list[Any]]:
    """The rows by primary key, which is their first column, so many in one statement."""
    rows = rows.order_by("pk")
    found = list(rows[:ROWS_AT_ONCE])
    while found:
        yield found
        found = list(rows.filter(pk__gt=found[-1][0])[:ROWS_AT_ONCE])
