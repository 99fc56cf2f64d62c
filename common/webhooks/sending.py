"""What goes out for a delivery: the event in its envelope, signed."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from django.conf import settings

from common.events.envelope import cloud_event
from common.observability import tracing
from common.observability.logs import get_logger
from common.webhooks.posting import Outcome, post
from common.webhooks.signing import signature_headers

if TYPE_CHECKING:
    from common.webhooks.models import WebhookDelivery, WebhookEndpoint

logger: Final = get_logger(__name__)


def send(delivery: WebhookDelivery) -> Outcome:
    """Make one attempt, without a look at the database. Never raises: a bug is an outcome too.

    The delivery comes with its endpoint and its event, as ``claim`` gives it.
    """
    now = datetime.now(UTC)
    try:
        body = json.dumps(cloud_event(delivery.event), separators=(",", ":")).encode()
        headers = signature_headers(
            message_id=str(delivery.event_id),
            body=body,
            secrets=_secrets(delivery.endpoint, now),
            moment=now,
        )
        headers["content-type"] = "application/json"
        headers["user-agent"] = f"Stockroom/{settings.VERSION}"
        return _posted(delivery, headers, body)
    except Exception:
        logger.exception("webhook_not_sent", delivery_id=str(delivery.pk))
        return Outcome(at=now, duration_ms=0, error="Stockroom could not send it.")


def _posted(delivery: WebhookDelivery, headers: dict[str, str], body: bytes) -> Outcome:
    """In the trace of the request that caused the event; the receiver may go on with it."""
    event, url = delivery.event, delivery.endpoint.url
    about = {
        "http.request.method": "POST",
        "server.address": delivery.endpoint.host,  # what follows it may be a secret
        "http.request.resend_count": delivery.attempt_count or None,
        "stockroom.event_id": str(event.pk),
        "stockroom.endpoint_id": str(delivery.endpoint_id),
        "stockroom.request_id": event.request_id,
    }
    with tracing.following(event.trace_context, f"deliver {event.type}", "client", about) as span:
        outcome = post(url, headers | span.headers(), body)
        span.note({"http.response.status_code": outcome.status_code})
        if not outcome.is_success:
            span.fail(str(outcome.status_code or outcome.error))
    return outcome


def _secrets(endpoint: WebhookEndpoint, now: datetime) -> list[str]:
    """The secret, and while it is being replaced the one before it."""
    until = endpoint.previous_secret_until
    return [endpoint.secret, *([endpoint.previous_secret] if until and until > now else [])]
