"""How the back office looks and what its menu says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import reverse_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest


def _item(title: str, icon: str, model: str) -> dict[str, Any]:
    """The list of a model, for those who may see it."""
    app, name = model.split(".")
    return {
        "title": title,
        "icon": icon,
        "link": reverse_lazy(f"admin:{app}_{name}_changelist"),
        "permission": _may_view(app, name),
    }


def _may_view(app: str, name: str) -> Callable[[HttpRequest], bool]:
    return lambda request: (
        request.user.has_module_perms(app)
        and any(request.user.has_perm(f"{app}.{verb}_{name}") for verb in ("view", "change"))
    )


UNFOLD = {
    "SITE_TITLE": "Stockroom",
    "SITE_HEADER": "Stockroom",
    "SITE_SUBHEADER": "Catalogue and inventory",
    "SITE_SYMBOL": "inventory_2",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {
            "rel": "icon",
            "type": "image/svg+xml",
            "href": lambda _request: static("common/favicon.svg"),
        }
    ],
    "SHOW_HISTORY": True,
    "DASHBOARD_CALLBACK": "inventory.admin.overview.overview",
    "BORDER_RADIUS": "6px",
    "STYLES": [lambda _request: static("common/backoffice.css")],
    "SCRIPTS": [
        lambda _request: static("common/times.js"),
        lambda _request: static("common/entered.js"),
        lambda _request: static("products/scan.js"),
    ],
    "SIDEBAR": {
        "navigation": [
            {
                "title": "Catalogue",
                "items": [
                    _item("Products", "sell", "products.product"),
                    _item("Categories", "account_tree", "products.category"),
                ],
            },
            {
                "title": "Stock",
                "separator": True,
                "items": [
                    _item("Stock levels", "shelves", "inventory.stocklevel"),
                    _item("Movements", "swap_vert", "inventory.stockmovement"),
                    _item("Transfers", "local_shipping", "inventory.transfer"),
                    _item("Batches", "package_2", "inventory.batch"),
                    _item("Reservations", "bookmark", "inventory.reservation"),
                    _item("Locations", "warehouse", "inventory.location"),
                ],
            },
            {
                "title": "Access",
                "separator": True,
                "items": [
                    _item("API keys", "key", "access.apikey"),
                    _item("Users", "person", "auth.user"),
                    _item("Groups", "group", "auth.group"),
                ],
            },
        ],
    },
}
