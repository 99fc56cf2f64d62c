"""The page that staff start from: what do you look for, what needs you, what has happened?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from django.template.loader import render_to_string

from common.backoffice.display import moment
from inventory.admin.display import change, product_link, reason
from inventory.admin.overview_charts import charts
from inventory.admin.overview_figures import figures
from inventory.models import StockMovement

if TYPE_CHECKING:
    from django.http import HttpRequest

LATEST: Final = 10


def overview(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """What the page shows, as far as this person may see it: ``overview`` in its context."""
    user = request.user
    may_see_movements = user.has_perm("inventory.view_stockmovement")
    seen = {
        "may_search": user.has_perm("products.view_product"),
        "figures": figures(user),
        "charts": charts(user) if may_see_movements else None,
        "movements": _latest() if may_see_movements else [],
    }
    return context | {"overview": render_to_string("inventory/overview.html", seen)}


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
