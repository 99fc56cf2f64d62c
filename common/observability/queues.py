"""How long the queues of the brokers are. Raises whatever a broker that is away raises."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from amqp.exceptions import NotFound
from django.conf import settings
from kombu.connection import Connection

from common.broker.connection import connected
from common.inbox.queues import COMMANDS, DEAD, LATER

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PATIENCE: Final = 1.0
"""Seconds; whoever asks does not wait longer, either."""


def celery_queues() -> Mapping[str, int]:
    """Tasks that wait, by queue. What a worker has in hand does not wait any more."""
    names = [queue.name for queue in settings.CELERY_TASK_QUEUES]
    is_rabbitmq = settings.CELERY_BROKER_URL.startswith("amqp")
    lengths = _in_rabbitmq if is_rabbitmq else _in_redis
    return lengths(settings.CELERY_BROKER_URL, names)


def inbox_queues() -> Mapping[str, int]:
    """Messages of other systems that wait, by queue."""
    return _in_rabbitmq(settings.EVENTS_BROKER_URL, [COMMANDS, LATER, DEAD])


def _in_rabbitmq(url: str, names: Sequence[str]) -> Mapping[str, int]:
    """A queue that nobody has made yet is left out."""
    lengths = {}
    with connected(url) as connection:
        for name in names:
            channel = connection.channel()  # RabbitMQ ends it with the answer "not found"
            try:
                lengths[name] = int(channel.queue_declare(name, passive=True).message_count)
            except NotFound:
                continue
            channel.close()
    return lengths


def _in_redis(url: str, names: Sequence[str]) -> Mapping[str, int]:
    """There an empty queue and none are the same."""
    options = {"socket_timeout": PATIENCE, "socket_connect_timeout": PATIENCE}
    broker: Any = Connection(url, transport_options=options)  # type: ignore[no-untyped-call]
    with broker as connection:
        redis = connection.channel().client
        return {name: int(redis.llen(name)) for name in names}
