"""What an API key may be allowed to do."""

from django.db import models


class Scope(models.TextChoices):
    """One permission of an API key; the values are part of the API and never change."""

    PRODUCTS_READ = "products:read", "Read products and categories"
    PRODUCTS_WRITE = "products:write", "Create, change and delete products and categories"
    INVENTORY_READ = "inventory:read", "Read stock, movements, batches and reservations"
    INVENTORY_WRITE = "inventory:write", "Change stock and batches"
    RESERVATIONS_WRITE = "reservations:write", "Hold, confirm, extend and release stock"
    EVENTS_READ = "events:read", "Read the event feed"
    WEBHOOKS_READ = "webhooks:read", "Read webhook endpoints and deliveries"
    WEBHOOKS_WRITE = "webhooks:write", "Create and change webhook endpoints"


ALL_SCOPES: frozenset[str] = frozenset(Scope.values)
