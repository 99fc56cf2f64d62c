"""Messages that are small and cost much, or that the client library stumbles over."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from struct import pack

import amqp
import pytest
from django.core.management import call_command

from common.inbox import consuming, handling, queues, reading
from common.inbox.errors import InvalidData
from common.inbox.handling import Outcome, Verdict
from common.inbox.kinds import Kind, kinds
from common.inbox.naming import Name, name_of
from common.inbox.reading import read
from common.observability.context import current
from tests.common.inbox.messages import message
from tests.common.inbox.things import DATA, times_done
from tests.waiting import wait_until

LINES = {
    "properties": {
        "lines": {
            "maxItems": 3,
            "items": {
                "type": "object",
                "required": ["sku", "quantity"],
                "properties": {"quantity": {"type": "integer"}},
            },
        }
    }
}
BASIC = 60
"""The class of methods that carry messages."""
MILLISECONDS = 1_795_318_207_512


@pytest.fixture
def looks(monkeypatch, tmp_path):
    """What a validator looks into, while messages ``thing.listed`` have at most three lines."""
    schema = tmp_path / "thing.listed.json"
    schema.write_text(json.dumps(LINES))
    monkeypatch.setitem(kinds, "thing.listed", Kind(schema, lambda _: "it", lambda _: None))
    seen = []
    descend = reading.Validator.descend

    def counted(validator, instance, *args, **kwargs):
        seen.append(instance)
        return descend(validator, instance, *args, **kwargs)

    monkeypatch.setattr(reading.Validator, "descend", counted)
    return seen


@pytest.mark.parametrize(
    ("line", "number"),
    [({}, 250_000), (0, 300_000), ({"sku": "MUG", "quantity": 1}, 25_000)],
    ids=["empty", "zeros", "valid"],
)
def test_a_list_that_is_too_long_is_refused_without_a_look_into_it(looks, line, number):
    body = message("thing.listed", {"lines": [line] * number})
    with pytest.raises(InvalidData, match=r"^\$\.lines: .{1,200}$"):
        read(body)
    assert len(looks) < 20


def test_of_many_violations_only_the_first_few_are_looked_for(looks, monkeypatch):
    monkeypatch.setitem(LINES["properties"]["lines"], "maxItems", 10**6)
    schema = kinds["thing.listed"].schema.with_name("longer.json")
    schema.write_text(json.dumps(LINES))
    monkeypatch.setitem(kinds, "thing.listed", Kind(schema, lambda _: "it", lambda _: None))
    with pytest.raises(InvalidData) as refused:
        read(message("thing.listed", {"lines": [{}] * 10_000}))
    assert refused.value.detail.count("$.lines") == reading.MOST_TOLD
    assert len(looks) < 20


def test_a_number_with_a_fraction_is_refused_in_plain_words(looks):
    body = message("thing.listed", {"lines": [{"sku": "MUG", "quantity": 1.0}]})
    with pytest.raises(InvalidData) as refused:
        read(body)
    assert refused.value.detail == (
        "$.lines[0].quantity: 1.0 is not of type 'integer': "
        "write it without a fraction or an exponent"
    )


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (message("thing.undone", {}, id="7"), Name("7", "thing.undone", "/shop")),
        (b'{"id": "7\\n", "type": 5, "source": "/sh\xc3\xb6p"}', Name()),
        (b'{"id": "' + b"x" * 129 + b'"}', Name()),
        (b'["id"]', Name()),
        (b"placed!", Name()),
    ],
    ids=["an event", "nothing to be shown", "too long", "a list", "a text"],
)
def test_a_message_is_called_what_can_be_shown_of_its_name(body, name):
    assert name_of(body) == name
    assert handling.handle(body).name == name


def test_a_count_below_zero_is_none():
    told = amqp.Message(b"", application_headers={"x-tries": -(10**9)})
    assert queues.number_in(told, "x-tries") == 0


def test_what_is_no_trouble_of_the_brokers_makes_no_pauses_grow(monkeypatch):
    pauses = consuming.Pauses(consuming.LONGEST_PAUSE)
    consumer = consuming.Consumer("amqp://nobody@127.0.0.1:9/")
    taken = []

    def stumble(_url):
        raise ValueError("year 58861 is out of range")

    monkeypatch.setattr(consuming, "connected", stumble)
    monkeypatch.setattr(consumer._ending, "wait", taken.append)
    for _ in range(5):
        consumer._connect(None, pauses)
    assert taken == [consuming.SHORTEST_PAUSE] * 5


class Logged:
    """A logger that keeps what it is told."""

    def __init__(self):
        self.lines = []

    def info(self, name, **fields):
        self.lines.append((name, fields))

    warning = exception = info


@pytest.fixture
def logged(monkeypatch):
    logger = Logged()
    monkeypatch.setattr(consuming, "logger", logger)
    return logger.lines


def test_that_a_consumer_has_started_is_logged_before_it_has_a_broker(logged):
    consumer = consuming.Consumer("amqp://nobody@127.0.0.1:9/")
    consumer.stop()
    consumer.run()
    assert logged == [("consumer_started", {"queue": queues.COMMANDS})]


@pytest.mark.parametrize(
    ("outcome", "line"), [(Outcome.REFUSED, "message_refused"), (Outcome.BUSY, "message_put_off")]
)
def test_what_is_not_applied_is_logged_by_its_name(logged, monkeypatch, outcome, line):
    for move in ("bury", "move"):
        monkeypatch.setattr(queues, move, lambda *_args, **_kwargs: None)
    at_work = object.__new__(consuming._Reading)
    at_work._publisher = None
    verdict = Verdict(outcome, "invalid", "Because.", Name("7", "thing.done", "/shop"))
    at_work._settle(amqp.Message(b"{}"), verdict)
    ((name, fields),) = logged
    assert name == line
    assert fields.items() >= {"id": "7", "type": "thing.done", "source": "/shop"}.items()


@pytest.fixture
def timely(monkeypatch):
    """A message with a moment in milliseconds where AMQP has seconds, as bytes of a header.

    py-amqp cannot write it, and so is made to write a moment that is patched afterwards.
    """
    serialize = amqp.Message._serialize_properties
    moment = datetime(2026, 1, 1, tzinfo=UTC)

    def with_milliseconds(told):
        told = serialize(told)
        return told.replace(pack(">Q", int(moment.timestamp())), pack(">Q", MILLISECONDS))

    monkeypatch.setattr(amqp.Message, "_serialize_properties", with_milliseconds)
    properties = {"application_headers": {"sent": moment, "x-code": "internal_error"}}
    with pytest.raises(ValueError, match="out of range"):
        amqp.Message()._load_properties(
            BASIC, amqp.Message(b"", **properties)._serialize_properties(), 0
        )
    return properties


@pytest.mark.slow
@pytest.mark.django_db(transaction=True)
def test_a_header_that_cannot_be_read_is_no_reason_not_to_apply_a_message(applied, broker, timely):
    broker.send(message("thing.done", DATA), **timely)
    with broker.consumers():
        wait_until(lambda: times_done() == 1)
    assert broker.is_idle()
    assert not broker.dead()


@pytest.mark.slow
def test_a_dead_letter_with_such_a_header_can_be_listed_and_dropped(
    broker, timely, settings, capsys, monkeypatch
):
    settings.EVENTS_BROKER_URL = broker.url
    broker.channel.basic_publish(
        amqp.Message(message("thing.done", DATA, id="7"), **timely), routing_key=queues.DEAD
    )
    wait_until(lambda: broker.count(queues.DEAD))
    call_command("dead_letters")
    assert capsys.readouterr().out.startswith("7\tthing.done\t")
    told = []
    monkeypatch.setattr(
        "common.inbox.dead_letters.event", lambda *_, **__: told.append(current().actor)
    )
    call_command("dead_letters", "--drop", "7")
    assert (broker.count(queues.DEAD), told) == (0, ["dead_letters"])


@pytest.mark.slow
def test_a_reader_that_has_seen_enough_is_not_the_brokers_end(broker, settings):
    settings.EVENTS_BROKER_URL = broker.url
    for id_ in "78":
        broker.channel.basic_publish(
            amqp.Message(message("thing.done", DATA, id=id_)), routing_key=queues.DEAD
        )
    wait_until(lambda: broker.count(queues.DEAD) == 2)
    gone, end = os.pipe()
    os.close(gone)
    with os.fdopen(end, "w") as out:
        call_command("dead_letters", "--replay", "--all", stdout=out)
    assert broker.count(queues.COMMANDS) == 2
