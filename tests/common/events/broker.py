"""A consumer of what is published, as an outsider would write it."""

from __future__ import annotations

import json
import secrets
from typing import TYPE_CHECKING, Any

from tests.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator

    import amqp


class Subscriber:
    """A durable queue that is bound to the exchange, a new one unless one is named."""

    def __init__(
        self, connection: amqp.Connection, exchange: str, pattern: str = "#", queue: str = ""
    ) -> None:
        self.channel = connection.channel()
        self.queue = queue or f"subscriber-{secrets.token_hex(4)}"
        self.channel.exchange_declare(exchange, "topic", durable=True, auto_delete=False)
        self.channel.queue_declare(self.queue, durable=True, auto_delete=False)
        self.channel.queue_bind(self.queue, exchange, pattern)

    def waiting(self) -> Iterator[amqp.Message]:
        """What is in the queue now."""
        while message := self.channel.basic_get(self.queue, no_ack=True):
            yield message

    def bodies(self) -> list[dict[str, Any]]:
        return [json.loads(message.body) for message in self.waiting()]

    def received(self, count: int, timeout: float = 30.0) -> list[dict[str, Any]]:
        """The bodies of the next so many messages, or of more."""
        found: list[dict[str, Any]] = []

        def complete() -> bool:
            found.extend(self.bodies())
            return len(found) >= count

        wait_until(complete, timeout)
        return found
