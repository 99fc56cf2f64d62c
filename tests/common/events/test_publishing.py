"""Events reach RabbitMQ in their order: none is lost, whatever dies on the way."""

from __future__ import annotations

import json
import socket
import threading
from uuid import UUID, uuid4

import pytest
from amqp.exceptions import AMQPError

from common.broker.connection import UNREACHABLE, NotConfirmed, Publisher, connected
from common.database import in_transaction
from common.events import publishing
from common.events.envelope import cloud_event
from common.events.models import Event, Reader
from common.events.publishing import EXCHANGE, EventPublisher, publish_next
from common.events.reading import BROKER, locked_reader
from common.events.recording import Fact, record
from common.events.sequencing import number_events
from tests.common.events.broker import Subscriber
from tests.needs import broker_url  # noqa: F401 - a fixture
from tests.racing import in_a_thread

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]

MUG = UUID("01900000-0000-7000-8000-00000000000a")


@in_transaction
def tell(count: int, subject_id: UUID | None = None) -> None:
    record(Fact("thing.happened", "thing", subject_id or uuid4(), {"n": n}) for n in range(count))


def publish_all(publisher: EventPublisher) -> int:
    while number_events():
        pass
    total = 0
    while done := publisher.publish():
        total += done
    return total


def hang_up(publisher: EventPublisher) -> None:
    assert publisher._publisher is not None
    publisher._publisher._connection.transport.sock.shutdown(socket.SHUT_RDWR)


def position() -> int:
    return Reader.objects.get(pk=BROKER).sequence


@pytest.fixture
def publisher(broker_url):  # noqa: F811
    publisher = EventPublisher(broker_url)
    yield publisher
    publisher.close()


@pytest.fixture
def subscriber(broker_url):  # noqa: F811
    with connected(broker_url) as connection:
        subscriber = Subscriber(connection, EXCHANGE)
        yield subscriber
        subscriber.channel.queue_delete(subscriber.queue)


def test_the_message_is_the_envelope_under_the_id_and_the_type_of_the_event(publisher, subscriber):
    tell(1)
    assert publish_all(publisher) == 1
    (message,) = subscriber.waiting()
    event = Event.objects.get()
    assert json.loads(message.body) == cloud_event(event)
    assert message.delivery_info["routing_key"] == event.type
    assert message.message_id == str(event.pk)
    assert message.delivery_mode == 2  # survives a restart of the broker
    assert message.content_type == "application/cloudevents+json"


def test_a_consumer_chooses_the_types_it_hears_of(publisher, broker_url):  # noqa: F811
    with connected(broker_url) as connection:
        stock = Subscriber(connection, EXCHANGE, "stock.*")
        in_transaction(record)([Fact("stock.told", "x", MUG), Fact("batch.told", "x", MUG)])
        publish_all(publisher)
        assert [one["type"] for one in stock.received(1)] == ["stock.told"]
        stock.channel.queue_delete(stock.queue)


def test_all_events_arrive_once_and_in_their_order(publisher, subscriber):
    tell(1_200)
    assert publish_all(publisher) == 1_200
    bodies = subscriber.received(1_200)
    assert [int(one["sequence"]) for one in bodies] == list(range(1, 1_201))
    assert position() == 1_200


def lose_the_confirm(wait):
    """The broker has everything, and nobody hears of it."""

    def wait_in_vain(publisher):
        wait(publisher)
        raise NotConfirmed("lost")

    return wait_in_vain


def test_what_the_broker_has_not_confirmed_is_sent_again(publisher, subscriber, monkeypatch):
    tell(3)
    number_events()
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "wait", lose_the_confirm(Publisher.wait))
        with pytest.raises(NotConfirmed):
            publisher.publish()
    assert not Reader.objects.filter(pk=BROKER, sequence__gt=0).exists()
    assert publisher.publish() == 3
    ids = [one["id"] for one in subscriber.received(6)]
    assert ids[:3] == ids[3:]  # twice, under the same ids, and none lost


def test_marked_before_the_confirm_an_event_would_be_lost(publisher, subscriber, monkeypatch):
    """Negative control: the order of send, confirm, mark is what the test above rests on."""
    tell(3)
    number_events()
    with monkeypatch.context() as patch:
        patch.setattr(Publisher, "publish", lambda _self, *_, **__: None)  # the broker got nothing
        assert publisher.publish() == 3
    publish_all(publisher)
    assert list(subscriber.waiting()) == []


def test_a_connection_that_broke_is_replaced(publisher, subscriber):
    tell(1)
    publish_all(publisher)
    hang_up(publisher)
    tell(1)
    number_events()
    with pytest.raises(UNREACHABLE):
        publisher.publish()
    assert publish_all(publisher) == 1
    assert len(subscriber.received(2)) == 2


def test_an_idle_connection_that_broke_is_forgotten_in_silence(publisher, subscriber):
    tell(1)
    publish_all(publisher)
    hang_up(publisher)
    assert publisher.publish() == 0
    assert publisher._publisher is None


def test_while_one_relay_publishes_another_leaves_it_alone(publisher, subscriber, broker_url):  # noqa: F811
    """Two at once would mix the order up."""
    Reader.objects.create(name=BROKER)
    tell(3)
    number_events()
    entered, go_on = threading.Event(), threading.Event()
    wait = Publisher.wait

    def slowly(self: Publisher) -> None:
        entered.set()
        assert go_on.wait(30)
        wait(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Publisher, "wait", slowly)
        first = threading.Thread(target=in_a_thread, args=[publisher.publish])
        first.start()
        assert entered.wait(30)
        with connected(broker_url) as connection:
            assert publish_next(Publisher(connection)) == 0
        go_on.set()
        first.join()
    assert len(subscriber.received(3)) == 3
    assert list(subscriber.waiting()) == []


def test_without_the_reader_s_lock_both_would_publish_the_same(publisher, subscriber, monkeypatch):
    """Negative control of the test above."""
    tell(3)
    number_events()
    monkeypatch.setattr(publishing, "move_on", lambda *_: None)
    assert [publisher.publish(), publisher.publish()] == [3, 3]
    assert len(subscriber.received(6)) == 6


def test_a_slow_broker_is_given_less_at_a_time(publisher, subscriber, monkeypatch):
    """PostgreSQL ends a transaction that idles for long: confirmed work must count before that."""
    tell(5)
    number_events()
    monkeypatch.setattr(publishing, "LONGEST", 0)
    assert [publisher.publish() for _ in range(6)] == [1, 1, 1, 1, 1, 0]
    assert len(subscriber.received(5)) == 5


def test_a_broker_that_is_not_there_is_told_apart_from_a_bug():
    tell(1)
    number_events()
    with pytest.raises(UNREACHABLE):
        EventPublisher("amqp://guest:guest@127.0.0.1:1//").publish()
    assert issubclass(AMQPError, UNREACHABLE)


def test_a_reader_is_one_process_s_at_a_time(broker_url):  # noqa: F811
    Reader.objects.create(name=BROKER)
    held, go_on = threading.Event(), threading.Event()

    @in_transaction
    def hold() -> None:
        assert locked_reader(BROKER) is not None
        held.set()
        assert go_on.wait(30)

    thread = threading.Thread(target=in_a_thread, args=[hold])
    thread.start()
    assert held.wait(30)
    assert in_transaction(locked_reader)(BROKER) is None
    go_on.set()
    thread.join()
    assert in_transaction(locked_reader)(BROKER) is not None
