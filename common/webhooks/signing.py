"""The headers by which a receiver knows who sent a webhook: Standard Webhooks 1.0."""

from __future__ import annotations

from datetime import UTC
from typing import TYPE_CHECKING

from standardwebhooks import Webhook

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime


def signature_headers(
    *, message_id: str, body: bytes, secrets: Iterable[str], moment: datetime
) -> dict[str, str]:
    """One signature for each secret (``whsec_…``): a receiver accepts the one that it can check.

    ``message_id`` is the same at every attempt, ``moment`` is that of this one: receivers refuse
    what is older than a few minutes.
    """
    moment = moment.astimezone(UTC)
    text = body.decode()
    signatures = [Webhook(secret).sign(message_id, moment, text) for secret in secrets]
    return {
        "webhook-id": message_id,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": " ".join(signatures),
    }
