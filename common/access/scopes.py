"""What an API key may be allowed to do."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class Scope(models.TextChoices):
    """One permission of an API key; the values are part of the API and never change."""

    PRODUCTS_READ = "products:read", _("Read products and categories")
    PRODUCTS_WRITE = "products:write", _("Create, change and delete products and categories")
    INVENTORY_READ = "inventory:read", _("Read stock, movements, batches and reservations")
    INVENTORY_WRITE = "inventory:write", _("Change stock and batches")
    RESERVATIONS_WRITE = "reservations:write", _("Hold, confirm, extend and release stock")
    EVENTS_READ = "events:read", _("Read the event feed")
    WEBHOOKS_READ = "webhooks:read", _("Read webhook endpoints and deliveries")
    WEBHOOKS_WRITE = "webhooks:write", _("Create and change webhook endpoints")


ALL_SCOPES: frozenset[str] = frozenset(Scope.values)
