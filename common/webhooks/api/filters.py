"""What endpoints and deliveries can be filtered by."""

import django_filters

from common.api.filters import Filters, Flag
from common.webhooks.models import WebhookDelivery


class EndpointFilters(Filters):
    is_active = Flag()


class DeliveryFilters(Filters):
    endpoint = django_filters.UUIDFilter(field_name="endpoint_id")
    event = django_filters.UUIDFilter(field_name="event_id")
    status = django_filters.ChoiceFilter(choices=WebhookDelivery.Status.choices)
