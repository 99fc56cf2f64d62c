"""A reservation's page: how it stands, what supplies each line, and what has happened to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.db.models import F
from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext as _

from common.backoffice.display import figure, label
from inventory import queries
from inventory.admin.display import product_link
from inventory.admin.histories import history
from inventory.admin.holds import source
from inventory.admin.promise_display import day, expiry, promise, reservation_state
from inventory.models import Allocation

if TYPE_CHECKING:
    from uuid import UUID

    from django.utils.safestring import SafeString

    from inventory.models import ReservationLine


def head(reservation: Any) -> dict[str, Any]:
    """What ``reservation_head.html`` shows."""
    held = queries.held(reservation)
    return {
        "reservation": reservation,
        "state": reservation_state(reservation),
        "promise": promise(reservation, held.promise_date),
        "expiry": expiry(reservation),
        "units": {
            name: sum(getattr(line, name) for line in held.lines)
            for name in ("quantity", "shipped", "unallocated")
        },
        "promises": {line.product_id: line.promise_date for line in held.lines},
    }


def reservation_panel(reservation: Any, links: list[dict[str, Any]]) -> SafeString:
    context = head(reservation)
    rows = reservation.lines.select_related("product").order_by("pk")
    supplies = _supplies(reservation)
    lines = [
        {
            "row": row,
            "product": product_link(row.product),
            "waiting": _waiting(row),
            "supplies": supplies.get(row.pk, []),
            "promise": _promise(reservation, row, context["promises"].get(row.product_id)),
        }
        for row in rows.defer("product__search", "product__description")
    ]
    context |= history(reservation, "reservations") | {"links": links, "lines": lines}
    return render_to_string("inventory/reservation_panel.html", context)


def _supplies(reservation: Any) -> dict[UUID, list[SafeString]]:
    """What supplies each line, in the order in which it is there."""
    rows = Allocation.objects.filter(line__reservation=reservation)
    rows = rows.select_related("batch", "stock_level__location")
    found: dict[UUID, list[SafeString]] = {}
    for row in rows.order_by(F("batch__eta").asc(nulls_first=True), "pk"):
        told = [row.quantity, source(row), *([day(row.batch.eta)] if row.batch else [])]
        shown = format_html(_("{} from {}, {}") if row.batch else _("{} from {}"), *told)
        found.setdefault(row.line_id, []).append(shown)
    return found


def _waiting(line: ReservationLine) -> SafeString:
    if line.unallocated:
        return label(line.unallocated, tone="out", reason=_("These units have no supply now"))
    return figure(0)


def _promise(reservation: Any, line: ReservationLine, date: Any) -> SafeString | str:
    return "–" if line.shipped == line.quantity else promise(reservation, date)
