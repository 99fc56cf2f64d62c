"""Messages go from the queue into the database, or where they belong."""

from __future__ import annotations

import json

import pytest

from common.errors import DomainError
from common.events.models import Event
from common.inbox import consuming, handling, queues
from common.inbox.errors import TooEarly
from common.inbox.handling import Outcome
from common.inbox.models import InboxMessage
from tests.common.inbox.messages import envelope, message
from tests.common.inbox.things import DATA, times_done
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


def header(message, name):
    return message.headers[f"x-{name}"]


def test_what_is_published_to_the_queue_or_to_the_exchange_is_applied(applied, broker):
    broker.send(message("thing.done", DATA))
    broker.send(message("thing.done", DATA), exchange=queues.COMMANDS)
    with broker.consumers():
        wait_until(lambda: times_done() == 2)
    assert broker.is_idle()
    assert not broker.dead()


def test_a_message_that_is_published_several_times_is_applied_once_by_several_consumers(
    applied, broker, monkeypatch
):
    outcomes = []

    def noted(body):
        verdict = handling.handle(body)
        outcomes.append(verdict.outcome)
        return verdict

    monkeypatch.setattr(consuming, "handle", noted)
    bodies = [message("thing.done", DATA) for _ in range(10)]
    broker.send(*[body for body in bodies for _ in range(4)])
    with broker.consumers(2):
        wait_until(lambda: len(outcomes) == 40)
    assert (outcomes.count(Outcome.APPLIED), outcomes.count(Outcome.KNOWN)) == (10, 30)
    assert broker.is_idle()
    assert (times_done(), InboxMessage.objects.count(), broker.dead()) == (10, 10, [])


def test_without_the_inbox_it_would_be_applied_as_often_as_it_comes(applied, broker, monkeypatch):
    """Negative control: if this fails, the test above proves nothing."""
    monkeypatch.setattr(handling, "_note", lambda _message: True)
    broker.send(*[message("thing.done", DATA)] * 3)
    with broker.consumers():
        wait_until(lambda: times_done() == 3)


POISON = {
    "malformed": b"placed!",
    "no_envelope": json.dumps(DATA).encode(),
    "unknown_type": message("thing.undone", DATA),
    "invalid": message("thing.done", {}),
    "payload_too_large": message("thing.done", {"to": "x" * 2**20}),
    "refused": json.dumps(envelope("thing.done", {"to": "Ünbekannt"}), indent=3).encode("utf-16"),
}
"""By the code of the reason; the last one is no UTF-8, and its content encoding says so."""


def test_poison_of_every_kind_goes_to_the_dead_letters_byte_for_byte_and_the_queue_moves_on(
    applied, broker
):
    for body in POISON.values():
        broker.send(body, content_encoding="utf-16")
    broker.send(b"")
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        wait_until(lambda: times_done() == 1)
    dead = broker.dead()
    assert [queues.body_of(one) for one in dead] == [*POISON.values(), b""]
    codes = [header(one, "code") for one in dead]
    assert codes == [*list(POISON)[:-1], "malformed", "malformed"]
    assert header(dead[3], "reason") == "$: 'to' is a required property"
    assert [header(one, "deliveries") for one in dead] == [1] * len(dead)
    assert all(header(one, "dead-at") for one in dead)
    assert broker.is_idle()


def test_a_refused_message_goes_to_the_dead_letters_with_what_the_refusal_says(applied, broker):
    def refuse(_message):
        raise DomainError("Not enough. Ünd so weiter.", attribute="lines/0")

    applied.append(refuse)
    broker.send(message("thing.done", DATA))
    with broker.consumers():
        letter = wait_until(broker.one_dead)
    assert header(letter, "code") == "refused"
    assert header(letter, "reason") == "lines/0: Not enough. Ünd so weiter."
    assert times_done() == 0


def test_nothing_that_a_publisher_sets_makes_the_broker_do_something_else(applied, broker):
    """An expiry would end the dead letter; CC would send it elsewhere; a user would be refused."""
    user = broker.url.split("//")[1].split(":")[0]
    broker.send(
        b"placed!",
        content_type="text/plain",
        message_id="7",
        expiration="60000",
        user_id=user,
        reply_to="somewhere",
        application_headers={"CC": ["copies"], "x-tries": "many", "traceparent": "00-1"},
    )
    broker.channel.queue_declare("copies", auto_delete=True)
    with broker.consumers():
        letter = wait_until(broker.one_dead)
    assert letter.properties.keys() == {
        *("content_type", "message_id", "delivery_mode", "application_headers"),
    }
    assert not broker.count("copies")
    own = {"x-code", "x-reason", "x-dead-at", "x-tries", "x-deliveries"}
    seen_by_the_broker = {"x-delivery-count"}
    assert letter.headers.keys() - seen_by_the_broker == own | {"traceparent"}


def test_what_is_too_early_comes_again_until_it_is_time_and_others_go_first(applied, broker):
    def wait_for_the_other(message):
        if message.data["to"] == "second" and not Event.objects.filter(data__id="first").exists():
            raise TooEarly(DomainError("Not yet."))

    applied.append(wait_for_the_other)
    broker.send(message("thing.done", {"to": "second"}, id="second"))
    with broker.consumers():
        wait_until(lambda: broker.count(queues.LATER) == 1)
        broker.send(message("thing.done", {"to": "first"}, id="first"))
        wait_until(lambda: times_done() == 2)
    assert not broker.dead()
    assert list(InboxMessage.objects.order_by("handled_at").values_list("event_id", flat=True)) == [
        *("first", "second"),
    ]


def test_what_stays_too_early_is_tried_so_often_and_then_is_for_a_person_to_see(
    applied, broker, monkeypatch
):
    monkeypatch.setattr(queues, "MOST_TRIES", 2)
    tried = []

    def never(message):
        tried.append(message.id)
        raise TooEarly(DomainError("Not yet."))

    applied.append(never)
    broker.send(message("thing.done", DATA, id="7"))
    with broker.consumers():
        letter = wait_until(broker.one_dead)
    assert tried == ["7"] * 3
    assert (header(letter, "tries"), header(letter, "reason")) == (2, "Not yet.")
