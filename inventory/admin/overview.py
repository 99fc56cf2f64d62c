"""The page that staff start from: what do you look for, and what has just happened?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.template.loader import render_to_string
from django.urls import reverse

from common.backoffice.display import moment
from inventory.admin.display import change, product_link, reason
from inventory.admin.promise_display import today
from inventory.models import Batch, ReservationLine, StockMovement

if TYPE_CHECKING:
    from django.http import HttpRequest

LATEST: Final = 10
MOST_COUNTED: Final = 99
WAITING: Final = "?state=waiting"
SHORTCUTS: Final = [
    ("Out of stock", "remove_shopping_cart", "inventory_stocklevel_changelist", "?stock=out"),
    ("Low stock", "trending_down", "inventory_stocklevel_changelist", "?stock=low"),
    ("Late batches", "running_with_errors", "inventory_batch_changelist", "?eta=overdue"),
    ("Orders that wait for supply", "hourglass", "inventory_reservation_changelist", WAITING),
    ("All stock levels", "shelves", "inventory_stocklevel_changelist", ""),
    ("All movements", "swap_vert", "inventory_stockmovement_changelist", ""),
]


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows, as far as this person may see it: ``overview`` in its context."""
    user = request.user
    permissions = {
        name: user.has_perm(f"{app}.view_{name}")
        for app, name in (
            ("products", "product"),
            ("inventory", "stocklevel"),
            ("inventory", "stockmovement"),
            ("inventory", "batch"),
            ("inventory", "reservation"),
        )
    }
    seen = {
        "may_search": permissions["product"],
        "shortcuts": [
            {
                "title": title,
                "icon": icon,
                "href": reverse(f"admin:{address}") + query,
                "count": _counted(address),
            }
            for title, icon, address, query in SHORTCUTS
            if permissions[address.split("_")[1]]
        ],
        "movements": _latest() if permissions["stockmovement"] else [],
    }
    return context | {"overview": render_to_string("inventory/overview.html", seen)}


def _counted(address: str) -> str:
    """How many need somebody's attention, where that is few enough to be counted at once."""
    count = COUNTS[address]() if address in COUNTS else 0
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")


def _late_batches() -> int:
    return Batch.objects.incoming().filter(eta__lt=today())[: MOST_COUNTED + 1].count()


def _waiting_orders() -> int:
    lines = ReservationLine.objects.filter(unallocated__gt=0).values("reservation_id")
    return lines.distinct()[: MOST_COUNTED + 1].count()


COUNTS: Final = {
    "inventory_batch_changelist": _late_batches,
    "inventory_reservation_changelist": _waiting_orders,
}


def _latest() -> list[dict[str, Any]]:
    movements = StockMovement.objects.select_related("product", "location").newest_first()
    return [
        {
            "movement": movement,
            "product": product_link(movement.product),
            "change": change(movement),
            "reason": reason(movement),
            "when": moment(movement.created_at),
        }
        for movement in movements[:LATEST]
    ]
