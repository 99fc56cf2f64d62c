"""The addresses of webhooks, below /api/v1/."""

from common.api.routers import resource_routes
from common.webhooks.api.views import WebhookDeliveryView, WebhookEndpointView

VIEWS = (WebhookEndpointView, WebhookDeliveryView)

urlpatterns = [route for view in VIEWS for route in resource_routes(view)]
