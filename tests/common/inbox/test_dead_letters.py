"""A person looks at dead letters, mends what was wrong, and sends them again; or not."""

from __future__ import annotations

import json

import amqp
import pytest
from django.core.management import CommandError, call_command

from common.errors import DomainError
from common.events.models import Event
from common.events.recording import Fact, record
from common.ids import new_id
from common.inbox import queues
from common.inbox.kinds import Kind, kinds
from tests.common.inbox.messages import message
from tests.waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.django_db(transaction=True)]


@pytest.fixture
def refusing(monkeypatch, tmp_path):
    """The ids of messages that are refused as long as they are in here."""
    schema = tmp_path / "thing.done.json"
    schema.write_text("{}")
    refused = {"7", "8", "9"}

    def apply(message):
        if message.id in refused:
            raise DomainError("Not like\nthis.")
        record([Fact("test.done", "things", new_id(), {"id": message.id})])

    monkeypatch.setitem(kinds, "thing.done", Kind(schema, lambda _data: "it", apply))
    return refused


@pytest.fixture
def letters(broker, refusing, settings):
    """Those of three messages that were refused, and of one that is none."""
    settings.EVENTS_BROKER_URL = broker.url
    broker.send(*[message("thing.done", {}, id=id_) for id_ in "789"], b"placed!")
    with broker.consumers():
        wait_until(lambda: broker.count(queues.DEAD) == 4)


def listed(capsys, *arguments):
    """The rows that the command printed."""
    call_command("dead_letters", *arguments)
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def ids(capsys):
    return [row[0] for row in listed(capsys)]


def done():
    return sorted(Event.objects.values_list("data__id", flat=True))


def test_they_are_listed_as_often_as_one_likes(letters, capsys):
    for _ in range(queues.MOST_DELIVERIES + 5):
        first, *_, last = rows = listed(capsys)
    assert len(rows) == 4
    assert first[:4] == ["7", "thing.done", "refused", "Not like this."]
    assert (last[0][:7], last[1], last[2]) == ("sha256:", "-", "malformed")
    assert first[4].startswith("20")


def test_one_that_is_replayed_is_applied_once_what_was_wrong_is_mended(
    letters, refusing, broker, capsys
):
    refusing.remove("8")
    assert listed(capsys, "--replay", "8") == [["8"]]
    with broker.consumers():
        wait_until(done)
    assert done() == ["8"]
    assert ids(capsys)[:2] == ["7", "9"]


def test_all_are_replayed_and_what_is_still_wrong_comes_back(letters, refusing, broker, capsys):
    refusing.difference_update({"7", "9"})
    assert len(listed(capsys, "--replay", "--all")) == 4
    assert not ids(capsys)
    with broker.consumers():
        wait_until(lambda: len(done()) == 2 and broker.count(queues.DEAD) == 2)
    assert done() == ["7", "9"]
    assert ids(capsys)[0] == "8"


def test_what_is_replayed_twice_is_applied_once(refusing, broker, settings):
    settings.EVENTS_BROKER_URL = broker.url
    body = message("thing.done", {}, id="7")
    broker.send(body, body)
    with broker.consumers():
        wait_until(lambda: broker.count(queues.DEAD) == 2)
        refusing.clear()
        call_command("dead_letters", "--replay", "7")
        wait_until(done)
        wait_until(broker.is_idle)
    assert done() == ["7"]


def test_the_bytes_are_the_same_again_and_the_stamps_are_gone(letters, broker):
    call_command("dead_letters", "--replay", "--all")
    again = [broker.channel.basic_get(queues.COMMANDS, no_ack=True) for _ in range(4)]
    assert json.loads(queues.body_of(again[0]))["id"] == "7"
    assert queues.body_of(again[-1]) == b"placed!"
    assert not any(name.startswith("x-r") for one in again for name in one.headers)


def test_one_that_is_dropped_is_gone(letters, broker, capsys):
    poison = ids(capsys)[-1]
    assert listed(capsys, "--drop", poison) == [[poison]]
    assert ids(capsys) == ["7", "8", "9"]
    assert not broker.count(queues.COMMANDS)


def test_an_id_that_is_not_there_is_told_after_the_others_have_been_seen_to(letters, capsys):
    with pytest.raises(CommandError, match=r"^Not among the dead letters: 6\.$"):
        call_command("dead_letters", "--replay", "6", "7")
    assert capsys.readouterr().out == "7\n"


def test_one_whose_properties_cannot_be_read_is_listed_too(broker, settings, capsys):
    settings.EVENTS_BROKER_URL = broker.url
    unreadable = amqp.Message(b"", content_type=b"\xff\xfe")
    broker.channel.basic_publish(unreadable, routing_key=queues.DEAD)
    wait_until(lambda: broker.count(queues.DEAD))
    ((id_, *_),) = listed(capsys)
    assert listed(capsys, "--drop", id_) == [[id_]]
    assert not broker.count(queues.DEAD)


def test_one_that_cannot_be_taken_apart_at_all_is_a_sentence(letters, monkeypatch):
    def stumble(_body):
        raise OverflowError

    monkeypatch.setattr("common.inbox.dead_letters.name_of", stumble)
    with pytest.raises(CommandError, match="cannot be taken apart"):
        call_command("dead_letters")


def test_where_there_are_none_it_says_so(broker, settings, capsys):
    settings.EVENTS_BROKER_URL = broker.url
    call_command("dead_letters")
    assert capsys.readouterr() == ("", "There are no dead letters.\n")


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--replay"], id="replay what"),
        pytest.param(["--all"], id="do what"),
        pytest.param(["--replay", "7", "--all"], id="one or all"),
        pytest.param(["--replay", "7", "--drop", "7"], id="replay or drop"),
        pytest.param(["--drop"], id="drop what"),
    ],
)
def test_what_is_ambiguous_is_not_done(settings, arguments):
    settings.EVENTS_BROKER_URL = "amqp://nobody@127.0.0.1:9/"
    with pytest.raises(CommandError, match=r"say --all|--all goes|not allowed|expected"):
        call_command("dead_letters", *arguments)


def test_a_broker_that_is_not_there_is_no_list_without_letters(settings):
    settings.EVENTS_BROKER_URL = "amqp://nobody:secret@127.0.0.1:9/"
    with pytest.raises(CommandError, match=r"^The broker cannot be reached: \w+\.$"):
        call_command("dead_letters")


@pytest.mark.parametrize("command", ["dead_letters", "consume"])
def test_without_a_broker_to_ask_that_is_said_in_a_sentence(settings, command):
    settings.EVENTS_BROKER_URL = ""
    with pytest.raises(CommandError, match=r"^There is no broker .*: set EVENTS_BROKER_URL\.$"):
        call_command(command)
