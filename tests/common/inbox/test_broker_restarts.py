"""The broker goes and comes back: consumers wait for it, and nothing is lost or doubled."""

from __future__ import annotations

import json

import pytest

from common.broker.connection import UNREACHABLE, connected
from common.events.models import Event
from common.events.recording import Fact, record
from common.ids import new_id
from common.inbox import consuming, queues
from common.inbox.consuming import Consumer
from common.inbox.kinds import Kind, kinds
from tests.common.inbox.broker import Broker, running
from tests.common.inbox.messages import message
from tests.own_rabbitmq import own_rabbitmq
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

START = 60.0


@pytest.fixture
def done(monkeypatch, tmp_path):
    """The ids of the messages that have been applied."""
    schema = tmp_path / "thing.done.json"
    schema.write_text(json.dumps({}))

    def apply(message):
        record([Fact("test.done", "things", new_id(), {"id": message.id})])

    monkeypatch.setitem(kinds, "thing.done", Kind(schema, lambda _data: "it", apply))
    return lambda: sorted(Event.objects.values_list("data__id", flat=True))


def send(url, *ids):
    """Publish messages with these ids; False while the broker does not take them."""
    try:
        with connected(url) as connection:
            broker = Broker(url, connection)
            queues.declare(broker.channel)
            broker.send(*[message("thing.done", {}, id=id_) for id_ in ids])
    except UNREACHABLE:
        return False
    return True


def restart(server):
    """Politely: RabbitMQ 3.10 may never serve a queue again that was made in its last second."""
    server._control("stop")
    server.kill()
    server.start()


def test_a_broker_that_goes_is_waited_for_and_what_it_had_is_applied_once(
    tmp_path, done, monkeypatch
):
    monkeypatch.setattr(consuming, "LONGEST_PAUSE", 0.5)
    with own_rabbitmq(tmp_path) as server:
        with running(Consumer(server.url)):
            wait_until(lambda: send(server.url, "1", "2"), START)
            wait_until(lambda: done() == ["1", "2"], START)
            restart(server)
            wait_until(lambda: send(server.url, "2", "3"), START)
            wait_until(lambda: done() == ["1", "2", "3"], START)
        assert send(server.url, "4")
        restart(server)
        with running(Consumer(server.url)):
            wait_until(lambda: done() == ["1", "2", "3", "4"], START)
