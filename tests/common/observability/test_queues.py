"""How long queues are, as the brokers themselves tell it."""

from __future__ import annotations

import secrets

import amqp
import pytest
from kombu.connection import Connection

from common.broker.connection import Publisher, connected
from common.inbox.queues import COMMANDS, DEAD, LATER, declare
from common.observability.queues import celery_queues, inbox_queues
from config.background import MAIL, QUICK, SLOW, queues
from tests.needs import broker_url  # noqa: F401 - a fixture
from tests.waiting import wait_until

ALL = (QUICK, MAIL, SLOW)


def test_in_redis_an_empty_queue_has_none(settings):
    url = settings.CELERY_BROKER_URL
    assert url.startswith("redis"), url
    names = [f"test-{secrets.token_hex(4)}-{name}" for name in ALL]
    settings.CELERY_TASK_QUEUES = queues(url)
    for queue, name in zip(settings.CELERY_TASK_QUEUES, names, strict=True):
        queue.name = name
    with Connection(url) as connection:
        redis = connection.channel().client
        redis.rpush(names[1], *range(5))
        assert dict(celery_queues()) == {names[0]: 0, names[1]: 5, names[2]: 0}
        redis.delete(*names)


@pytest.mark.slow
def test_in_rabbitmq_those_are_counted_that_there_are(broker_url, settings):  # noqa: F811
    settings.CELERY_BROKER_URL = settings.EVENTS_BROKER_URL = broker_url
    with connected(broker_url) as connection:
        channel = connection.channel()
        for name in (*ALL, COMMANDS, LATER, DEAD):
            channel.queue_delete(name)
        assert (celery_queues(), inbox_queues()) == ({}, {})
        declare(channel)
        channel.queue_declare(MAIL, durable=True, auto_delete=False)
        publisher = Publisher(connection)
        for name, count in ((MAIL, 2), (DEAD, 3)):
            for _ in range(count):
                publisher.publish(amqp.Message(b"x"), exchange="", routing_key=name)
        publisher.wait()
        wait_until(lambda: celery_queues() == {MAIL: 2})
        wait_until(lambda: inbox_queues() == {COMMANDS: 0, LATER: 0, DEAD: 3})
        for name in (MAIL, COMMANDS, LATER, DEAD):
            channel.queue_delete(name)
