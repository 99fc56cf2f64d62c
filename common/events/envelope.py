"""The form in which an event leaves the house."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from common.events.models import Event

SOURCE: Final = "/stockroom"
VERSION: Final = 1
"""Of the schemas in docs/events: a number higher for what a consumer could not read as before."""


def cloud_event(event: Event) -> dict[str, Any]:
    """The event in a CloudEvents 1.0 envelope (JSON format), for the broker and for webhooks.

    ``sequence`` is the extension attribute of that name: it sorts as text.
    """
    return {
        "specversion": "1.0",
        "id": str(event.pk),
        "source": SOURCE,
        "type": event.type,
        "subject": f"{event.subject_type}/{event.subject_id}",
        "time": event.occurred_at.astimezone(UTC).isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "dataschema": f"urn:stockroom:events:v{VERSION}:{event.type}",
        "sequence": f"{event.sequence:020}",
        "requestid": event.request_id,
        "data": event.data,
    }
