"""What consumers do when the database, the broker or the message itself gives them trouble."""

from __future__ import annotations

from threading import Event as Flag

import amqp
import pytest
from django.core.management import call_command
from django.db import OperationalError, connection

from common.inbox import consuming, handling, queues
from common.inbox.handling import Outcome, Verdict
from tests.common.inbox.broker import FEW_DELIVERIES, running
from tests.common.inbox.messages import message
from tests.common.inbox.things import DATA, times_done
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def test_somebody_in_the_way_is_no_reason_to_give_up_nor_counted(applied, broker, monkeypatch):
    monkeypatch.setattr(queues, "MOST_TRIES", 0)
    busy = [Verdict(Outcome.BUSY, "service_unavailable", "LockNotAvailable")] * 3
    monkeypatch.setattr(
        consuming, "handle", lambda body: busy.pop() if busy else handling.handle(body)
    )
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        wait_until(lambda: times_done() == 1)
    assert (busy, broker.dead()) == ([], [])


def test_a_database_that_is_away_is_waited_for_with_the_message_in_hand(
    applied, broker, monkeypatch
):
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE", 0.01)
    attempts = []

    def go_away(message):
        attempts.append(message.id)
        if len(attempts) < 5:
            raise OperationalError("server closed the connection")

    applied.append(go_away)
    broker.send(message("thing.done", DATA, id="7"), message("thing.done", DATA, id="8"))
    with broker.consumers():
        wait_until(lambda: times_done() == 2)
    assert attempts == ["7"] * 5 + ["8"]
    assert not broker.dead()


def test_sessions_that_the_database_ends_are_replaced(applied, broker):
    with broker.consumers():
        for _ in range(2):
            done = times_done()
            broker.send(message("thing.done", DATA))
            wait_until(lambda: times_done() == done + 1)  # noqa: B023
            with connection.cursor() as cursor:
                cursor.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()"
                )
    assert not broker.dead()


def test_a_consumer_that_is_stopped_finishes_the_message_in_hand_and_leaves_the_others(
    applied, broker
):
    is_at_work, may_go_on = Flag(), Flag()

    def take_time(_message):
        is_at_work.set()
        assert may_go_on.wait(timeout=10)

    applied.append(take_time)
    broker.send(*[message("thing.done", DATA) for _ in range(3)])
    consumer = consuming.Consumer(broker.url)
    with running(consumer):
        assert is_at_work.wait(timeout=10)
        consumer.stop()
        may_go_on.set()
    wait_until(lambda: broker.count(queues.COMMANDS) == 2)
    assert times_done() == 1


def test_a_consumer_that_waits_for_the_database_can_be_stopped(broker, monkeypatch):
    seen = Flag()

    def never(_body):
        seen.set()
        return Verdict(Outcome.AWAY)

    monkeypatch.setattr(consuming, "handle", never)
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        assert seen.wait(timeout=10)
    wait_until(lambda: broker.count(queues.COMMANDS) == 1)


@pytest.fixture
def slow_work(applied, broker, monkeypatch):
    """Applying takes until this flag is raised; the broker drops who is silent for two seconds.

    But not the test's own connection, which is open already.
    """
    monkeypatch.setattr("common.broker.connection.HEARTBEAT", 1)
    may_end = Flag()
    applied.append(lambda _message: may_end.wait(timeout=30))
    return may_end


def test_heartbeats_are_kept_while_a_message_takes_its_time(slow_work, broker, monkeypatch):
    """Six of them, two a second: longer than the broker would have waited."""
    beats = []
    beat = amqp.Connection.send_heartbeat

    def counted(connection):
        beats.append(connection)
        if beats.count(connection) == 6:
            slow_work.set()
        beat(connection)

    monkeypatch.setattr(amqp.Connection, "send_heartbeat", counted)
    monkeypatch.setattr(consuming, "LISTEN", 0.1)
    handed = []
    monkeypatch.setattr(consuming, "handle", lambda body: handed.append(1) or handling.handle(body))
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        wait_until(lambda: times_done() == 1, timeout=30)
    assert (len(handed), broker.is_idle()) == (1, True)


def test_without_them_the_broker_takes_the_message_back(slow_work, broker, monkeypatch):
    """Negative control. That it comes again does no harm."""
    monkeypatch.setattr(consuming, "LISTEN", 60)
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        wait_until(lambda: broker.count(queues.COMMANDS) == 1, timeout=30)
        monkeypatch.setattr(consuming, "LISTEN", 0.1)
        slow_work.set()
        wait_until(broker.is_idle, timeout=30)
    assert broker.is_idle()
    assert times_done() == 1


def test_a_database_that_is_away_for_long_is_not_counted_against_the_message(
    applied, broker, monkeypatch
):
    """RabbitMQ takes back what is in hand for half an hour, and counts how often."""
    monkeypatch.setattr(consuming, "LONGEST_IN_HAND", 0)
    attempts = []

    def go_away(message):
        attempts.append(message.id)
        if len(attempts) < FEW_DELIVERIES + 2:
            raise OperationalError("server closed the connection")

    applied.append(go_away)
    broker.send(message("thing.done", DATA, id="7"))
    with broker.consumers():
        wait_until(lambda: times_done() == 1, timeout=30)
    assert not broker.dead()


def test_properties_that_the_client_library_cannot_take_apart_end_nobody(
    applied, broker, monkeypatch
):
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(consuming, "LONGEST_PAUSE", 0.01)
    broker.send(b"{}", content_type=b"\xff\xfe")
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        wait_until(lambda: times_done() == 1, timeout=30)
        letter = wait_until(broker.one_dead)
    assert letter.headers["x-code"] == "no_envelope"
    assert broker.is_idle()


@pytest.fixture
def killer(applied, monkeypatch):
    """A message that ends every connection on which it is in hand, as the consumer's death does."""
    judge = consuming.handle

    def die_of_it(body):
        if b"killer" in body:
            raise RuntimeError("killed")
        return judge(body)

    monkeypatch.setattr(consuming, "handle", die_of_it)
    monkeypatch.setattr(consuming, "SHORTEST_PAUSE", 0.01)
    monkeypatch.setattr(consuming, "LONGEST_PAUSE", 0.01)
    return message("thing.done", DATA, id="killer")


def test_a_message_that_kills_its_consumers_ends_as_a_dead_letter_and_it_alone(
    killer, broker, settings, capsys
):
    innocent = [message("thing.done", DATA) for _ in range(10)]
    broker.send(*innocent[:3], killer, *innocent[3:])
    with broker.consumers():
        wait_until(lambda: times_done() == 10, timeout=30)
        wait_until(lambda: broker.count(queues.DEAD) == 1)
    settings.EVENTS_BROKER_URL = broker.url
    call_command("dead_letters")
    row = capsys.readouterr().out.split("\t")
    assert row[:3] == ["killer", "thing.done", "delivery_limit"]
    assert [queues.body_of(one) for one in broker.dead()] == [killer]


def test_without_wariness_it_takes_the_innocent_with_it(killer, broker, monkeypatch):
    """Negative control: whatever is in the same hand is counted as well."""
    take_in = consuming._Reading._take_in
    monkeypatch.setattr(
        consuming._Reading, "_take_in", lambda reading, at_most: take_in(reading, at_most=20)
    )
    broker.send(killer, *[message("thing.done", DATA) for _ in range(10)])
    with broker.consumers():
        wait_until(lambda: broker.count(queues.DEAD) == 11, timeout=30)
    assert not times_done()
