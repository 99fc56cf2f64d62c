"""Who holds what: reads for the tables on pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.db.models import BooleanField, ExpressionWrapper, Q
from django.utils.translation import gettext as _

from common.backoffice.display import link
from common.database import ClockTimestamp
from inventory.admin.promise_display import reservation_state
from inventory.models import Allocation, Reservation, ReservationLine

if TYPE_CHECKING:
    from collections.abc import Iterable
    from uuid import UUID

    from django.utils.safestring import SafeString

LATEST: Final = 10


def with_overdue(rows: Any) -> Any:
    """Reservations that know whether they are past their time, by the database's clock."""
    is_overdue = Q(status="active", expires_at__lte=ClockTimestamp())
    return rows.annotate(is_overdue=ExpressionWrapper(is_overdue, BooleanField()))


def holds_on(condition: Q) -> list[dict[str, Any]]:
    """Promises on supplies, the latest first and no more than can be read; two queries."""
    rows = Allocation.objects.filter(condition).select_related(
        "line", "batch", "stock_level__location"
    )
    allocations = list(rows.order_by("-pk")[:LATEST])
    orders = _reservations(each.line.reservation_id for each in allocations)
    return [
        _hold(orders[each.line.reservation_id], each.quantity, source(each)) for each in allocations
    ]


def waiting_for(product_id: UUID) -> list[dict[str, Any]]:
    """Units of a product that were promised and have no supply, the oldest first; two queries."""
    rows = ReservationLine.objects.filter(product=product_id, unallocated__gt=0)
    lines = list(rows.order_by("pk")[:LATEST])
    orders = _reservations(line.reservation_id for line in lines)
    return [
        _hold(orders[line.reservation_id], line.unallocated, _("Waits for supply"))
        for line in lines
    ]


def source(allocation: Allocation) -> SafeString | str:
    """Where the units of an allocation are, or by which batch they come."""
    if allocation.batch:
        return link(
            allocation.batch, _("Batch %(reference)s") % {"reference": allocation.batch.reference}
        )
    return str(allocation.stock_level.location)  # type: ignore[union-attr]  # one of the two


def _hold(reservation: Reservation, quantity: int, supply: object) -> dict[str, Any]:
    return {
        "order": link(reservation, reservation.order_reference),
        "state": reservation_state(reservation),
        "quantity": quantity,
        "source": supply,
    }


def _reservations(ids: Iterable[UUID]) -> dict[UUID, Reservation]:
    rows = Reservation.objects.filter(pk__in=set(ids))
    return {row.pk: row for row in with_overdue(rows)}
