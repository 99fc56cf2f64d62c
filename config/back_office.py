"""How the back office looks and what its menu says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.templatetags.static import static
from django.urls import reverse_lazy
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

if TYPE_CHECKING:
    from collections.abc import Callable

    from django.http import HttpRequest
    from django.utils.functional import Promise


def _item(title: Promise, icon: str, model: str) -> dict[str, Any]:
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
    "SITE_SUBHEADER": _("Catalogue and inventory"),
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
    "SHOW_LANGUAGES": True,
    "LANGUAGES": {"action": reverse_lazy("admin:language"), "navigation": []},
    "DASHBOARD_CALLBACK": "inventory.admin.overview.overview",
    "BORDER_RADIUS": "6px",
    "STYLES": [
        lambda _request: static("common/backoffice.css"),
        lambda _request: static("common/lists.css"),
        lambda _request: static("common/palette.css"),
        lambda _request: static("inventory/replenishment.css"),
    ],
    "SCRIPTS": [
        lambda _request: static("common/times.js"),
        lambda _request: static("common/entered.js"),
        lambda _request: static("common/named.js"),
        lambda _request: static("common/keyboard.js"),
        lambda _request: static("products/scan.js"),
    ],
    "SIDEBAR": {
        "show_search": True,  # the template that stands there is ours
        "navigation": [
            {
                "title": _("Catalogue"),
                "items": [
                    _item(_("Products"), "sell", "products.product"),
                    _item(_("Categories"), "account_tree", "products.category"),
                ],
            },
            {
                "title": _("Stock"),
                "separator": True,
                "items": [
                    _item(_("Stock levels"), "shelves", "inventory.stocklevel"),
                    {
                        "title": _("Replenishment"),
                        "icon": "add_shopping_cart",
                        "link": reverse_lazy("admin:inventory_replenishment_changelist"),
                        "permission": _may_view("inventory", "stocklevel"),
                    },
                    _item(_("Movements"), "swap_vert", "inventory.stockmovement"),
                    _item(_("Count sheets"), "checklist", "inventory.countsheet"),
                    _item(_("Transfers"), "local_shipping", "inventory.transfer"),
                    _item(_("Batches"), "package_2", "inventory.batch"),
                    _item(_("Reservations"), "bookmark", "inventory.reservation"),
                    _item(_("Locations"), "warehouse", "inventory.location"),
                ],
            },
            {
                "title": _("Integrations"),
                "separator": True,
                "items": [
                    _item(_("Webhooks"), "webhook", "webhooks.webhookendpoint"),
                    _item(_("Deliveries"), "outbox", "webhooks.webhookdelivery"),
                    _item(_("Imports"), "upload_file", "importing.import"),
                    _item(_("Events"), "list_alt", "events.event"),
                    _item(_("Handled messages"), "inbox", "inbox.inboxmessage"),
                ],
            },
            {
                "title": _("Access"),
                "separator": True,
                "items": [
                    _item(pgettext_lazy("menu", "API keys"), "key", "access.apikey"),
                    _item(_("Users"), "person", "auth.user"),
                    _item(_("Groups"), "group", "auth.group"),
                    _item(_("Changes"), "history", "people.auditentry"),
                ],
            },
            {
                "title": _("You"),
                "separator": True,
                "items": [
                    {
                        "title": _("Notifications"),
                        "icon": "notifications",
                        "link": reverse_lazy("admin:notifications_recipient_changelist"),
                    },
                ],
            },
        ],
    },
}
