"""The charts of the overview, each with the table that it was drawn from."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from django.urls import reverse
from django.utils.formats import date_format
from django.utils.http import urlencode
from django.utils.translation import gettext as _

from inventory.models import StockMovement
from inventory.queries.turnover import kept_turnover

if TYPE_CHECKING:
    from datetime import date

    from inventory.queries.turnover import OfDay, OfReason, Turnover

CAME: Final = "#16a34a"
WENT: Final = "#dc2626"
MOVED: Final = "#6366f1"
GREY: Final = "#808894"
"""Readable on white and on black."""
FONT: Final = {"color": GREY}
GRID: Final = {"color": "rgb(128 136 148 / 25%)"}


def charts(user: Any) -> dict[str, Any]:
    """The last 28 whole days; products are named to those who may see products."""
    found = kept_turnover()
    may_see_products = user.has_perm("products.view_product")
    return {
        "first": found.first,
        "last": found.last,
        "days": [_day(one) for one in found.days],
        "reasons": [_reason(found, one) for one in found.reasons],
        "by_day": _by_day(found.days),
        "by_reason": _by_reason(found.reasons),
        "movers": [_mover(found, place) for place in found.movers] if may_see_products else [],
    }


def reason_of(value: str) -> str:
    return str(StockMovement.Reason(value).label).capitalize()


def _movements(first: date, last: date, **more: str) -> str:
    """The list of the movements of some days."""
    query = urlencode(more | {"created_at_from": str(first), "created_at_to": str(last)})
    return f"{reverse('admin:inventory_stockmovement_changelist')}?{query}"


def _day(one: OfDay) -> dict[str, Any]:
    href = _movements(one.day, one.day)
    return {"day": one.day, "came": one.came, "went": -one.went, "href": href}


def _reason(found: Turnover, one: OfReason) -> dict[str, Any]:
    return {
        "word": reason_of(one.reason),
        "movements": one.movements,
        "came": one.came,
        "went": -one.went,
        "href": _movements(found.first, found.last, reason__exact=one.reason),
    }


def _mover(found: Turnover, mover: Any) -> dict[str, Any]:
    return {
        "name": mover.name,
        "sku": mover.sku,
        "units": mover.units,
        "most": found.movers[0].units,
        "href": reverse("admin:products_product_change", args=[mover.product_id]),
    }


def _by_day(days: list[OfDay]) -> dict[str, str]:
    """Bars upwards for what came and downwards for what left, on one axis."""
    data = {
        "labels": [date_format(one.day, "j M") for one in days],
        "datasets": [
            {"label": _("Came"), "data": [one.came for one in days], "backgroundColor": CAME},
            {"label": _("Left"), "data": [one.went for one in days], "backgroundColor": WENT},
        ],
    }
    return _drawn(data, is_stacked=True)


def _by_reason(reasons: list[OfReason]) -> dict[str, str]:
    data = {
        "labels": [reason_of(one.reason) for one in reasons],
        "datasets": [
            {
                "label": _("Movements"),
                "data": [one.movements for one in reasons],
                "backgroundColor": MOVED,
            }
        ],
    }
    return _drawn(data, is_lying=True)


def _drawn(
    data: dict[str, Any], *, is_stacked: bool = False, is_lying: bool = False
) -> dict[str, str]:
    """As unfold's own script draws it with Chart.js."""
    many = len(data["datasets"]) > 1
    options = {
        "animation": False,
        "maintainAspectRatio": False,
        "indexAxis": "y" if is_lying else "x",
        "maxBarThickness": 24,
        "plugins": {"legend": {"display": many, "align": "end", "labels": FONT}},
        "scales": {
            "x": {"stacked": is_stacked, "ticks": FONT, "grid": GRID},
            "y": {"stacked": is_stacked, "ticks": FONT, "grid": GRID},
        },
    }
    return {"data": json.dumps(data), "options": json.dumps(options)}
