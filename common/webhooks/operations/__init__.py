"""Every write to webhooks that somebody asked for: endpoints, their secrets, sending again."""

from common.webhooks.operations.endpoints import (
    change_endpoint,
    create_endpoint,
    delete_endpoint,
    rotate_secret,
)
from common.webhooks.operations.sending_again import replay, retry_delivery, send_test

__all__ = [
    "change_endpoint",
    "create_endpoint",
    "delete_endpoint",
    "replay",
    "retry_delivery",
    "rotate_secret",
    "send_test",
]
