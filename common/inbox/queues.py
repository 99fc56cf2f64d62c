"""The queues of messages from elsewhere, and moving one from a queue to another for certain."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

import amqp

from common.broker.connection import PERSISTENT

if TYPE_CHECKING:
    from common.broker.connection import Publisher

COMMANDS: Final = "stockroom.commands"
"""The queue that is read, and a topic exchange whose every message goes there."""
LATER: Final = "stockroom.commands.later"
"""Messages that came too early wait here, and go back by themselves."""
DEAD: Final = "stockroom.commands.dead"
"""Messages that only a person can help."""
PAUSE_MS: Final = 5_000
MOST_TRIES: Final = 60
"""So often is a message put off that came too early: for five minutes."""
MOST_DELIVERIES: Final = 20
"""So many consumers may end with a message in hand before it is taken for the cause."""
KEPT_PROPERTIES: Final = ("content_type", "content_encoding", "correlation_id", "message_id")
NOT_KEPT: Final = ("x-", "cc", "bcc")
"""Headers by which RabbitMQ would send a message elsewhere, and those of earlier moves."""

_BACK: Final = {
    "x-queue-type": "quorum",
    "x-dead-letter-exchange": "",
    "x-dead-letter-strategy": "at-least-once",
    "x-overflow": "reject-publish",  # what that strategy demands
}


def declare(channel: amqp.Channel) -> None:
    """Make exchange and queues, unless they are there. All of it outlives the broker's restart."""
    arguments: dict[str, dict[str, Any]] = {
        COMMANDS: _BACK | {"x-dead-letter-routing-key": DEAD, "x-delivery-limit": MOST_DELIVERIES},
        LATER: _BACK | {"x-dead-letter-routing-key": COMMANDS, "x-message-ttl": PAUSE_MS},
        # Looking at a dead letter is a delivery, too.
        DEAD: {"x-queue-type": "quorum", "x-delivery-limit": 2**31 - 1},
    }
    for queue in (DEAD, LATER, COMMANDS):
        channel.queue_declare(queue, durable=True, auto_delete=False, arguments=arguments[queue])
    channel.exchange_declare(COMMANDS, "topic", durable=True, auto_delete=False)
    channel.queue_bind(COMMANDS, COMMANDS, "#")


def body_of(message: amqp.Message) -> bytes:
    return bytes(message.body or b"")  # an empty one is a text in py-amqp


def number_in(message: amqp.Message, header: str) -> int:
    """A header of ours or the broker's that counts something; 0 where there is none.

    A publisher may have set it, so it may be below that: such a one is none, either.
    """
    value = (message.headers or {}).get(header)
    return max(0, value) if type(value) is int else 0


def move(publisher: Publisher, message: amqp.Message, queue: str, **headers: Any) -> None:
    """Publish the same bytes to a queue; once this returns the broker has them.

    ``headers``: x-tries for ``x_tries``. The caller acknowledges the original afterwards: so a
    message may be there twice for a moment, and never not at all.
    """
    # The default exchange confirms what it has thrown away for want of a queue: ask first.
    publisher.channel.queue_declare(queue, passive=True)
    publisher.publish(_copy(message, headers), exchange="", routing_key=queue)
    publisher.wait()


def bury(publisher: Publisher, message: amqp.Message, *, code: str, reason: str) -> None:
    """Move a message to the dead letters, with the reason."""
    move(
        publisher,
        message,
        DEAD,
        x_code=code,
        x_reason=reason,
        x_dead_at=datetime.now(UTC).isoformat(timespec="seconds"),
        x_tries=number_in(message, "x-tries"),
        x_deliveries=number_in(message, "x-delivery-count") + 1,
    )


def _copy(message: amqp.Message, headers: dict[str, Any]) -> amqp.Message:
    """Without an expiry, a user or an address for replies: RabbitMQ would act on those."""
    kept = {
        name: value
        for name, value in (message.headers or {}).items()
        if isinstance(name, str) and not name.lower().startswith(NOT_KEPT)
    }
    own = {name.replace("_", "-"): value for name, value in headers.items()}
    properties = {
        name: message.properties[name] for name in KEPT_PROPERTIES if name in message.properties
    }
    return amqp.Message(
        body_of(message), delivery_mode=PERSISTENT, application_headers=kept | own, **properties
    )
