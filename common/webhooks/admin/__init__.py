"""The back office of webhooks."""

from common.webhooks.admin.deliveries import WebhookDeliveryAdmin
from common.webhooks.admin.endpoints import WebhookEndpointAdmin

__all__ = ["WebhookDeliveryAdmin", "WebhookEndpointAdmin"]
