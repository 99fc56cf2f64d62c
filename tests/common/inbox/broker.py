"""The queues of commands on a real RabbitMQ, and consumers that read them."""

from __future__ import annotations

from contextlib import ExitStack, contextmanager
from threading import Thread
from typing import TYPE_CHECKING, Any

import amqp
import pytest

from common.broker.connection import Publisher, connected
from common.inbox import queues
from common.inbox.consuming import Consumer

if TYPE_CHECKING:
    from collections.abc import Iterator

QUEUES = (queues.COMMANDS, queues.LATER, queues.DEAD)
SOON_MS = 200
FEW_DELIVERIES = 5


class Broker:
    """The broker as its publishers and its operator see it."""

    def __init__(self, url: str, connection: amqp.Connection) -> None:
        self.url = url
        self._publisher = Publisher(connection)
        self.channel = connection.channel()
        self.channel.auto_decode = False

    def send(self, *bodies: bytes, exchange: str = "", **properties: Any) -> None:
        """Publish these to be applied, in this order; the broker has them then."""
        for body in bodies:
            self._publisher.publish(
                amqp.Message(body, **properties), exchange=exchange, routing_key=queues.COMMANDS
            )
        self._publisher.wait()

    def count(self, queue: str) -> int:
        """How many messages wait in a queue, those in a consumer's hand aside."""
        return int(self.channel.queue_declare(queue, passive=True).message_count)

    def dead(self) -> list[amqp.Message]:
        """Take all dead letters."""
        return list(iter(lambda: self.channel.basic_get(queues.DEAD, no_ack=True), None))

    def one_dead(self) -> Any:
        """Whether there is a dead letter: that one."""
        return self.channel.basic_get(queues.DEAD, no_ack=True)

    def is_idle(self) -> bool:
        """Nothing waits to be applied, now or later, nor is anything in hand: when nobody reads."""
        return not self.count(queues.COMMANDS) and not self.count(queues.LATER)

    @contextmanager
    def consumers(self, number: int = 1) -> Iterator[None]:
        """So many of them, reading in threads for as long as the block lasts."""
        with ExitStack() as at_end:
            for _ in range(number):
                at_end.enter_context(running(Consumer(self.url)))
            yield


@contextmanager
def running(consumer: Consumer) -> Iterator[None]:
    thread = Thread(target=consumer.run)
    thread.start()
    try:
        yield
    finally:
        consumer.stop()
        thread.join(30)
        assert not thread.is_alive()


@pytest.fixture
def broker(broker_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Broker]:
    """Empty queues, in which what is put off comes back soon, and what kills is soon found out."""
    monkeypatch.setattr(queues, "PAUSE_MS", SOON_MS)
    monkeypatch.setattr(queues, "MOST_DELIVERIES", FEW_DELIVERIES)
    with connected(broker_url) as connection:
        broker = Broker(broker_url, connection)
        _clear(broker.channel)
        queues.declare(broker.channel)
        yield broker
        _clear(broker.channel)


def _clear(channel: amqp.Channel) -> None:
    for queue in QUEUES:
        channel.queue_delete(queue)
    channel.exchange_delete(queues.COMMANDS)
