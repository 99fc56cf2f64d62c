"""What has been heard of a thing before."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db.models import Max

from common.inbox.models import InboxMessage
from common.observability.logs import event

if TYPE_CHECKING:
    from datetime import datetime

    from common.inbox.kinds import Message


def latest(message: Message, *types: str) -> datetime | None:
    """When the latest happened of these types that has been applied: same source, same subject.

    Reliable inside ``apply``: messages about one subject are applied one at a time.
    """
    others = InboxMessage.objects.filter(
        source=message.source, subject=message.subject, type__in=types
    ).exclude(event_id=message.id)
    found: datetime | None = others.aggregate(latest=Max("occurred_at"))["latest"]
    return found


def ignore(message: Message) -> None:
    """Say that a message changed nothing, because a later word on the same thing has been heard."""
    event("message_outdated", type=message.type, id=message.id, subject=message.subject)
