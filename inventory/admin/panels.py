"""Figures of stock and what can be done about them, at the top of pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.translation import gettext as _

from inventory.admin import explaining
from inventory.admin.display import available
from inventory.admin.promise_display import incoming
from inventory.admin.promise_panels import level_promises
from inventory.admin.stock_actions import links
from inventory.models import StockLevel
from inventory.querysets import DEFAULT_LOCATION
from products.admin.images import thumbnail

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.utils.safestring import SafeString

    from inventory.models import Location
    from products.models import Product


def head(level: StockLevel) -> dict[str, Any]:
    """What ``level_head.html`` shows: which stock level it is, and its figures now."""
    return {
        "level": level,
        "picture": thumbnail(level.product),
        "available": available(level),
    }


def why(request: HttpRequest, level: StockLevel) -> list[dict[str, Any]]:
    """Where a level's figures are added up, for who may see it."""
    if not explaining.may_explain(request):
        return []
    title = _("Why is it %(count)s?") % {"count": level.on_hand}
    href = explaining.address(level.product_id, location=level.location.code)
    return [{"title": title, "icon": "help", "href": href}]


def level_panel(request: HttpRequest, level: StockLevel) -> SafeString:
    context = head(level) | {
        "links": [*links(request, level), *why(request, level)],
        "incoming": incoming(level.incoming, level.next_eta),
        "promises": level_promises(request, level),
    }
    return render_to_string("inventory/level_panel.html", context)


def turn(location: Location) -> tuple[int, bool, str]:
    """Sorts locations as stock is taken from them; among equals the default one comes first."""
    return location.priority, location.code != DEFAULT_LOCATION, location.code


def product_panel(request: HttpRequest, product: Product) -> SafeString:
    """A product's stock at each of its locations."""
    found = StockLevel.objects.filter(product=product).select_related("location")
    levels = sorted(found, key=lambda level: turn(level.location))
    for level in levels:
        level.product = product
    context = {
        "product": product,
        "picture": thumbnail(product),
        "total": {
            name: sum(getattr(level, name) for level in levels)
            for name in ("on_hand", "reserved", "available", "incoming")
        },
        "rows": [
            {
                "level": level,
                "available": available(level),
                "incoming": incoming(level.incoming, level.next_eta),
                "links": [*links(request, level, query="?back=product"), *why(request, level)],
            }
            for level in levels
        ],
        "may_open": request.user.has_perm("inventory.add_stocklevel") and not product.deleted_at,
    }
    panel = render_to_string("inventory/product_panel.html", context)
    if len(levels) < 2 or not explaining.may_explain(request):  # noqa: PLR2004
        return panel
    total = {
        "href": explaining.address(product.pk),
        "count": sum(level.on_hand for level in levels),
    }
    return format_html("{}{}", panel, render_to_string("inventory/explain_link.html", total))
